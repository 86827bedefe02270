/** Every score of files, from their content to figures or problems. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseLenient } from '../files/lenient-json.ts';
import { type Problem, ProblemsFound } from '../files/problems.ts';
import { type ScoreFile, Tensors } from '../files/score-file.ts';
import { scorers } from './registry.ts';
import type { Scored } from './scorer.ts';

const json = (name: string, value: unknown): ScoreFile => ({
  name,
  content: parseLenient(JSON.stringify(value)),
});
const tensors = (name: string, of: Record<string, [shape: number[], values: number[]]>): ScoreFile => ({
  name,
  content: new Tensors(new Map(Object.entries(of).map(([key, [shape, values]]) => [key, { shape, values }]))),
});
type Given = { predictions: ScoreFile; references: ScoreFile; questions?: ScoreFile; corpus?: ScoreFile };
const score = (name: string, files: Given, missing: 'refuse' | 'leave-out' | 'empty' = 'refuse') =>
  scorers[name]!.score(files, { missing });
const valuesOf = ({ statistics }: Scored) =>
  Object.fromEntries(
    statistics.map(({ metric, group, value }) => [group ? `${metric} ${group.name}` : metric, value]),
  );

function problemsOf(work: () => unknown): readonly Problem[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemsFound) return error.problems;
    throw error;
  }
  throw new Error('there was no problem');
}

const coco = {
  images: [{ id: 3 }, { id: 1 }],
  annotations: [
    { id: 10, image_id: 1, caption: 'a black cat sits here' },
    { id: 11, image_id: 3, caption: 'two dogs run over there' },
    { id: 12, image_id: 1, caption: 'a cat is sitting' },
  ],
};
const said = [
  { image_id: 1, caption: 'A black cat sits here.' },
  { image_id: 3, caption: 'dogs' },
];

test('every scorer names its metrics, and the page of scores has each of them with its range and source', () => {
  const page = readFileSync(new URL('../../../../docs/scores.md', import.meta.url), 'utf8');
  for (const { name, metrics, files } of Object.values(scorers)) {
    expect(files.map(({ role }) => role)).toEqual(expect.arrayContaining(['predictions', 'references']));
    expect(page).toContain(`\`triptych score ${name}\``);
    for (const [metric, { unit, range, equals }] of Object.entries(metrics)) {
      const shown = `${range[0]} to ${range[1] ?? 'any'}`;
      expect(page.split('\n'), metric).toContainEqual(
        expect.stringContaining(`| \`${metric}\` | ${unit}, ${shown} | ${equals}`),
      );
    }
  }
});

describe('captions', () => {
  test('images stand in the order of the references, whatever that of the predictions', () => {
    const scored = score('captions', { predictions: json('p', said), references: json('r', coco) });
    const rouge = scored.statistics.find(({ metric }) => metric === 'rouge_l')!;
    expect(rouge.perSample?.ids).toEqual(['3', '1']);
    expect(rouge.perSample?.values[1]).toBe(1);
    expect(scored.notes[0]).toMatch(/from 2 images only/);
  });

  test('objects from ids to captions, and lines with truths, say the same', () => {
    const plain = valuesOf(score('captions', { predictions: json('p', said), references: json('r', coco) }));
    const map = {
      predictions: json('p', { 3: 'dogs', 1: ['A black cat sits here.'] }),
      references: json('r', {
        3: 'two dogs run over there',
        1: ['a black cat sits here', 'a cat is sitting'],
      }),
    };
    for (const [metric, value] of Object.entries(valuesOf(score('captions', map))))
      expect(value, metric).toBeCloseTo(plain[metric]!, 14);
    const own = json('lines', [
      { id: 'x', prompt: '', prediction: 'dogs', truth: ['two dogs run over there'] },
      {
        id: 'y',
        prompt: '',
        prediction: 'A black cat sits here.',
        truth: ['a black cat sits here', 'a cat is sitting'],
      },
    ]);
    for (const [metric, value] of Object.entries(
      valuesOf(score('captions', { predictions: own, references: own })),
    ))
      expect(value, metric).toBeCloseTo(plain[metric]!, 14);
  });

  test('document frequencies of a corpus change CIDEr-D and nothing else', () => {
    const files = { predictions: json('p', said), references: json('r', coco) };
    const corpus = json('c', {
      ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}`, 'a black cat'])),
      z: 'dogs',
    });
    const { cider_d: own, ...others } = valuesOf(score('captions', files));
    const { cider_d: from, ...same } = valuesOf(score('captions', { ...files, corpus }));
    expect(same).toEqual(others);
    expect(from).not.toBeCloseTo(own!, 3);
  });

  test('all that is wrong is said at once, and counted', () => {
    const predictions = {
      name: 'p.json',
      content: parseLenient(
        '\uFEFF[{"image_id": 1, "caption": "a"}, {"image_id": 1, "caption": "b"}, {"image_id": 7, "caption": "c"},\r\n {"caption": "d"}, {"image_id": 3, "caption": NaN}, 5]',
      ),
    };
    const problems = problemsOf(() => score('captions', { predictions, references: json('r.json', coco) }));
    const text = problems.map(({ expected, actual }) => `${expected}: ${actual}`).join('\n');
    expect(text).toContain('several for 1 id: 1 (2)');
    expect(text).toContain('unknown ones, 1 id: 7');
    expect(text).toContain('none for 1 id: 3');
    expect(text).toContain('an id in "image_id": nothing in 1 place: entry 3');
    expect(text).toContain('a text in "caption": null in 1 place: entry 4');
    expect(problems).toHaveLength(6);
    expect(problems.every(({ path, remedy }) => path === 'p.json' && remedy.length > 10)).toBe(true);
  });

  test('a missing caption is refused, left out or empty', () => {
    const files = { predictions: json('p', [said[0]]), references: json('r', coco) };
    expect(problemsOf(() => score('captions', files))[0]?.remedy).toMatch(/--missing leave-out/);
    expect(score('captions', files, 'leave-out').statistics[0]?.samples).toBe(1);
    expect(valuesOf(score('captions', files, 'empty'))['rouge_l']).toBe(1 / 2);
  });

  test('an image without a reference caption cannot be scored', () => {
    const references = json('r', { ...coco, images: [...coco.images, { id: 8 }] });
    const predictions = json('p', [...said, { image_id: 8, caption: 'x' }]);
    expect(problemsOf(() => score('captions', { predictions, references }))).toMatchObject([
      { path: 'r', expected: 'a caption for each image', actual: 'none for 1 id: 8' },
    ]);
  });

  test('ids that are larger than a float64 holds stay apart', () => {
    const id = (last: number) => `12345678901234567${last}`;
    const references = { name: 'r', content: parseLenient(`{"${id(1)}": "a", "${id(2)}": "b"}`) };
    const list = [1, 2].map((last) => `{"image_id": ${id(last)}, "caption": "a"}`);
    const predictions = { name: 'p', content: parseLenient(`[${list.join()}]`) };
    expect(score('captions', { predictions, references }).clusters.count).toBe(2);
  });
});

describe('vqa', () => {
  const people = (answer: string) =>
    Array.from({ length: 10 }, (_, i) => ({ answer: i < 9 ? answer : 'other', answer_id: i }));
  const annotations = {
    annotations: [
      { question_id: 1, image_id: 5, question_type: 'is', answer_type: 'yes/no', answers: people('yes') },
      { question_id: 2, image_id: 5, question_type: 'how', answer_type: 'number', answers: people('two') },
      { question_id: 3, image_id: 6, question_type: 'is', answer_type: 'yes/no', answers: people('no') },
    ],
  };
  const predictions = json(
    'p',
    ['Yes.', '2', 'yes'].map((answer, i) => ({ question_id: i + 1, answer })),
  );

  test('overall and by type, clustered by image', () => {
    const scored = score('vqa', { predictions, references: json('r', annotations) });
    expect(valuesOf(scored)).toEqual({
      vqa_accuracy: 2 / 3,
      'vqa_accuracy number': 1,
      'vqa_accuracy yes/no': 1 / 2,
      'vqa_accuracy how': 1,
      'vqa_accuracy is': 1 / 2,
    });
    expect(scored.clusters).toEqual({ what: 'image', count: 2 });
    // Image 6 alone: its one question is wrong.
    expect(scored.statistics[0]?.of([0, 1])).toBe(0);
  });

  test('questions of another split are noticed', () => {
    const questions = json('q', {
      questions: [1, 2, 4].map((question_id) => ({ question_id, question: '?' })),
    });
    const problems = problemsOf(() =>
      score('vqa', { predictions, references: json('r', annotations), questions }),
    );
    expect(problems.map(({ actual }) => actual)).toEqual(['unknown ones, 1 id: 3', 'none for 1 id: 4']);
  });

  test('annotations without answers are all reported in one line', () => {
    const references = json('r', {
      annotations: annotations.annotations.map(({ question_id }) => ({ question_id })),
    });
    expect(problemsOf(() => score('vqa', { predictions, references }))).toMatchObject([
      { actual: 'nothing in 3 places: entry 0, entry 1, entry 2' },
    ]);
  });
});

test('pope: by category too', () => {
  const label = (question_id: number, value: string, category: string) => ({
    question_id,
    label: value,
    image: 'a.jpg',
    category,
  });
  const references = json('r', [
    label(1, 'yes', 'random'),
    label(2, 'no', 'random'),
    label(3, 'no', 'popular'),
  ]);
  const predictions = json(
    'p',
    ['Yes', 'No, there is none.', 'yes'].map((text, i) => ({ question_id: i + 1, text })),
  );
  const scored = score('pope', { predictions, references });
  expect(valuesOf(scored)).toMatchObject({
    accuracy: 2 / 3,
    precision: 1 / 2,
    recall: 1,
    'accuracy popular': 0,
    'f1 random': 1,
  });
  expect(scored.clusters.count).toBe(1);
  const wrong = json('r', [{ question_id: 1, label: 'maybe' }]);
  expect(
    problemsOf(() => score('pope', { predictions: json('p', []), references: wrong }))[0]?.actual,
  ).toMatch(/maybe/);
});

test('multiple choice: an object from ids, as ScienceQA has it', () => {
  const references = json('r', {
    1: { choices: ['x', 'y'], answer: 1, subject: 'language' },
    2: { choices: ['x', 'y', 'z'], answer: 0, subject: 'language' },
  });
  const predictions = json('p', [
    { question_id: '1', text: 'B. y' },
    { question_id: 2, text: 'no idea' },
  ]);
  const scored = score('multiple-choice', { predictions, references });
  expect(valuesOf(scored)).toEqual({ accuracy: 1 / 2, 'accuracy language': 1 / 2 });
  expect(scored.statistics[0]?.chance).toBeCloseTo((1 / 2 + 1 / 3) / 2, 14);
  expect(scored.notes).toEqual(['1 of 2 answers name no choice, and count as wrong']);
});

test('exact match: several right answers', () => {
  const references = json('r', [
    { id: 1, answers: ['a cat', 'kitten'] },
    { id: 2, answer: 'no' },
  ]);
  const predictions = json('p', { 1: 'Cat', 2: 'yes' });
  expect(valuesOf(score('exact-match', { predictions, references }))).toEqual({ exact_match: 1 / 2 });
});

describe('of tensors', () => {
  const features = tensors('f', {
    image_features: [
      [2, 2],
      [1, 0, 0, 9],
    ],
    text_features: [
      [3, 2],
      [5, 0, 0, 1, 1, 2],
    ],
  });

  test('retrieval takes the images of texts from an index, or from COCO captions in that order', () => {
    const index = tensors('i', { text_image_index: [[3], [0, 1, 0]] });
    const inOrder = json('r', {
      images: [{ id: 70 }, { id: 60 }],
      annotations: [70, 60, 70].map((image_id, i) => ({ image_id, caption: `caption ${i}` })),
    });
    for (const references of [index, inOrder])
      expect(valuesOf(score('retrieval', { predictions: features, references }))).toMatchObject({
        'image_retrieval_recall@1': 2 / 3,
        'text_retrieval_recall@1': 1,
        image_retrieval_mean_rank: 4 / 3,
      });
  });

  test('what is missing, of another shape or out of range is said at once', () => {
    const references = tensors('i', { text_image_index: [[4], [0, 1, 0, 2]] });
    expect(problemsOf(() => score('retrieval', { predictions: features, references }))).toMatchObject([
      { expected: 'an image for each text: 3', actual: '4' },
      { expected: expect.stringContaining('from 0 to 1'), actual: '1 other: 2 at 3' },
    ]);
    const none = problemsOf(() => score('clip-score', { predictions: features, references: json('r', []) }));
    expect(none.map(({ expected }) => expected)).toEqual([
      'a tensor "caption_features" [samples, width]',
      'a tensor "image_features" [samples, width]',
    ]);
  });

  test('classes and labels', () => {
    const logits = tensors('p', {
      logits: [
        [2, 2],
        [0, 1, 1, 0],
      ],
    });
    const labels = tensors('r', {
      labels: [[2], [1, 1]],
      targets: [
        [2, 2],
        [1, 0, 0, 1],
      ],
    });
    const files = { predictions: logits, references: labels };
    expect(valuesOf(score('classification', files))).toEqual({
      'accuracy@1': 1 / 2,
      mean_per_class_recall: 1 / 2,
    });
    expect(valuesOf(score('multi-label', files))).toEqual({ mean_average_precision: 1 / 2 });
  });

  test('CLIPScore, with and without references', () => {
    const predictions = tensors('p', {
      caption_features: [
        [1, 2],
        [1, 0],
      ],
    });
    const image: [number[], number[]] = [
      [1, 2],
      [3, 4],
    ];
    const plain = valuesOf(
      score('clip-score', { predictions, references: tensors('r', { image_features: image }) }),
    );
    expect(plain).toEqual({ clip_score: 1.5 });
    const references = tensors('r', {
      image_features: image,
      reference_features: [
        [1, 2],
        [4, 3],
      ],
      reference_index: [[1], [0]],
    });
    expect(valuesOf(score('clip-score', { predictions, references }))['ref_clip_score']).toBeCloseTo(
      2.4 / 2.3,
      12,
    );
  });
});
