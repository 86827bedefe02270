import { describe, expect, test } from 'vitest';
import { packDataset } from '../pack/pack-dataset.ts';
import { coco, folderWith, png } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { formats } from './registry.ts';

const pack = (path: string, format = 'auto') => packDataset({ path, format, store: memoryStore() });
type Packed = Awaited<ReturnType<typeof pack>>;

const kinds = ({ problems }: Packed) => Object.fromEntries(problems.map(({ kind, count }) => [kind, count]));
const contents = ({ manifest }: Packed) =>
  Object.fromEntries(manifest.samples.map(({ id, content }) => [id, content]));

test('names are unique, and written as users write them', () => {
  const names = formats.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
});

describe('vqa', () => {
  const question = (question_id: number, image_id: number, text: unknown = `q${question_id}?`) => ({
    question_id,
    image_id,
    question: text,
  });
  const answered = (question_id: number, ...answers: string[]) => ({
    question_id,
    multiple_choice_answer: answers[0],
    answers: answers.map((answer, n) => ({ answer, answer_id: n + 1 })),
  });

  test('published names: questions and annotations of two splits, images by the number in their names', async () => {
    const path = await folderWith({
      'v2_OpenEnded_mscoco_train2014_questions.json': {
        data_subtype: 'train2014',
        questions: [question(1, 7), question(2, 7), question(3, 8)],
      },
      'v2_mscoco_train2014_annotations.json': {
        annotations: [answered(1, 'a', 'b', 'a'), answered(2, 'no'), answered(3, '2')],
      },
      'v2_OpenEnded_mscoco_val2014_questions.json': { data_subtype: 'val2014', questions: [question(1, 9)] },
      'v2_mscoco_val2014_annotations.json': { annotations: [answered(1, 'c')] },
      'train2014/COCO_train2014_000000000007.png': await png(7),
      'train2014/COCO_train2014_000000000008.png': await png(8),
      'val2014/COCO_val2014_000000000009.png': await png(9),
    });
    const packed = await pack(path);
    expect(packed.manifest.format).toBe('vqa');
    expect(packed.problems).toEqual([]);
    expect(contents(packed)).toEqual({
      'train/1': { kind: 'question', question: 'q1?', answers: ['a', 'b', 'a'] },
      'train/2': { kind: 'question', question: 'q2?', answers: ['no'] },
      'train/3': { kind: 'question', question: 'q3?', answers: ['2'] },
      'validation/1': { kind: 'question', question: 'q1?', answers: ['c'] },
    });
    expect(packed.manifest.samples.map(({ images }) => images)).toEqual([[0], [0], [1], [2]]);
    expect(packed.splits[0]).toMatchObject({ samples: 3, images: 2, captions: 0, contents: { question: 3 } });
  });

  test('a number that two files have goes with the subtype, or is a problem; what has no answer is one', async () => {
    const path = await folderWith({
      'vqa/questions_train.json': {
        data_subtype: 'left',
        questions: [question(1, 7), question(2, 8), question(3, 9), question(4, 7), question(5, 7, ' ')],
      },
      'vqa/annotations_train.json': {
        annotations: [answered(1, 'a'), answered(2, 'b'), answered(3, 'c'), answered(5, 'd')],
      },
      'left/7.png': await png(1),
      'right/07.png': await png(2),
      'a/8.png': await png(3),
      'b/8.png': await png(4),
    });
    const packed = await pack(path);
    expect(Object.keys(contents(packed))).toEqual(['train/1']);
    expect(kinds(packed)).toEqual({
      'ambiguous-image': 1,
      'malformed-sample': 1,
      'missing-image': 1,
      'no-answer': 1,
    });
  });

  test('questions beside captions: auto does not choose, and says between which', async () => {
    const files = {
      'images/1.png': await png(1),
      'images/2.png': await png(2),
      'annotations/captions_train.json': coco({ '1.png': ['one'] }),
      'annotations/captions_val.json': coco({ '2.png': ['two'] }),
      'annotations/questions_train.json': { questions: [question(1, 1), question(2, 2)] },
      'annotations/annotations_train.json': { annotations: [answered(1, 'a'), answered(2, 'b')] },
    };
    const path = await folderWith(files);
    const refused = await pack(path).catch((error) => error);
    expect(refused.message).toContain(
      'may be read in 2 formats: coco-captions (annotations/captions_train.json has the name of a caption file), vqa',
    );
    expect(refused.violations).toEqual([
      expect.objectContaining({ path: '/format', expected: 'one of coco-captions, vqa' }),
    ]);
    expect((await pack(path, 'coco-captions')).manifest.format).toBe('coco-captions');
    expect((await pack(path, 'vqa')).manifest.format).toBe('vqa');
    const { 'annotations/captions_train.json': _, 'annotations/captions_val.json': __, ...without } = files;
    expect((await pack(await folderWith(without))).manifest.format).toBe('vqa');
  });
});

describe('llava', () => {
  const say = (...values: string[]) =>
    values.map((value, n) => ({ from: n % 2 === 0 ? 'human' : 'gpt', value }));

  test('one image, several, none; JSON lists and lines; ids that repeat are told apart', async () => {
    const path = await folderWith({
      'images/a.png': await png(1),
      'coco/b.png': await png(2),
      'c.png': await png(3),
      'mix_train.json': [
        { id: 'x', image: 'a.png', conversations: say('<image>\nwhat?', 'a thing', 'sure?', 'yes') },
        { id: 'x', image: 'coco/b.png', conversations: say('<image>\nwhat?', 'another') },
        { id: 3, images: ['a.png', 'coco/b.png'], conversations: say('<image> or <image>?', 'both') },
        { conversations: [{ from: 'system', value: 'be brief' }, ...say('hello', 'hi')] },
      ],
      'llava/held_val.jsonl': `${JSON.stringify({ id: 'y', image: 'c.png', conversations: say('<image>?', 'c') })}\n`,
      'other.json': { not: 'instructions' },
    });
    const packed = await pack(path);
    expect(packed.manifest.format).toBe('llava');
    expect(packed.problems).toEqual([]);
    const byId = Object.fromEntries(packed.manifest.samples.map((one) => [one.id, one]));
    expect(Object.keys(byId)).toEqual(['3', 'mix_train.json, entry 4 (line 1)', 'x', 'x#2', 'y']);
    expect(byId['3']?.images).toEqual([0, 1]);
    expect(byId['x']?.images).toEqual([0]);
    expect(byId['mix_train.json, entry 4 (line 1)']).toMatchObject({
      images: [],
      content: { turns: [{ role: 'system' }, { role: 'user' }, { role: 'assistant', text: 'hi' }] },
    });
    expect(byId['y']?.split).toBe('validation');
    expect(packed.splits[0]).toMatchObject({ samples: 4, images: 2, contents: { conversation: 4 } });
  });

  test('what cannot be obeyed is a problem, never repaired', async () => {
    const good = { id: 'good', image: 'a.png', conversations: say('<image>?', 'a') };
    const path = await folderWith({
      'a.png': await png(1),
      'train.json': [
        good,
        { image: 'a.png', conversations: say('no tag', 'a') },
        { image: 'a.png', conversations: [{ from: 'gpt', value: 'first' }, ...say('<image>', 'b')] },
        { image: 'a.png', conversations: [{ from: 'bing', value: '<image>' }] },
        { image: 'a.png', conversations: say('<image>alone') },
        { image: 7, conversations: say('<image>', 'b') },
        { image: 'gone.png', conversations: say('<image>', 'b') },
        { image: '../../etc/passwd', conversations: say('<image>', 'b') },
        null,
      ],
      'test.json': [{ ...good, conversations: say('<image>!', 'a') }].concat({ ...good, image: 'b.png' }),
      'b.png': await png(2),
    });
    const packed = await pack(path);
    expect(kinds(packed)).toEqual({
      leakage: 1,
      'malformed-sample': 5,
      'missing-image': 1,
      'outside-folder': 1,
      'unreadable-entry': 1,
    });
  });

  test('a file that is cut off gives what came before, and a problem', async () => {
    const path = await folderWith({
      'a.png': await png(1),
      'train.json': `[${JSON.stringify({ image: 'a.png', conversations: say('<image>?', 'a') })}, {"id":`,
    });
    const packed = await pack(path);
    expect(packed.manifest.samples).toHaveLength(1);
    expect(kinds(packed)).toEqual({ 'unreadable-annotations': 1 });
  });
});

test('easy-vqa: lists of question, answer, image; a tenth of the images is held out with all their questions', async () => {
  const images = await Promise.all(Array.from({ length: 20 }, (_, n) => png(n)));
  const path = await folderWith({
    ...Object.fromEntries(images.map((image, n) => [`train/images/${n}.png`, image])),
    'train/questions.json': [
      ...images.flatMap((_, n) => [
        ['what shape is it?', 'circle', n],
        ['is it red?', 'no', n],
        ['is it blue?', 'yes', n],
      ]),
      ['of nothing?', 'no', 99],
      ['half', 'an entry'],
    ],
    'answers.txt': 'circle\nno\nyes\n',
  });
  const packed = await pack(path);
  expect(packed.manifest.format).toBe('easy-vqa');
  expect(packed.splits.map(({ split, samples, images: count }) => [split, samples, count])).toEqual([
    ['train', 54, 18],
    ['validation', 6, 2],
  ]);
  expect(packed.manifest.images).toHaveLength(20);
  expect(kinds(packed)).toEqual({ 'malformed-sample': 1, 'missing-image': 1, 'no-held-out-split': 6 });
});

test('class folders whose names become one class, and COCO ids that two images claim, are said', async () => {
  const classes = await pack(
    await folderWith({
      'train/polar_bear/1.png': await png(1),
      'train/polar bear/2.png': await png(2),
      'train/ant/3.png': await png(3),
      'test/ant/4.png': await png(4),
      'test/bee/4.png': await png(4),
    }),
  );
  expect(kinds(classes)).toEqual({ 'conflicting-classes': 1, 'same-class': 1 });
  expect(classes.manifest.samples).toHaveLength(5);
  const captions = await pack(
    await folderWith({
      'images/a.png': await png(1),
      'images/b.png': await png(2),
      'images/c.png': await png(3),
      'annotations/captions_train.json': {
        images: [
          { id: 1, file_name: 'a.png' },
          { id: 1, file_name: 'b.png' },
          { id: 2, file_name: 'c.png' },
        ],
        annotations: [1, 2].map((image_id) => ({ image_id, caption: 'hello' })),
      },
    }),
  );
  expect(captions.manifest.samples.map(({ id }) => id)).toEqual(['images/c.png']);
  expect(kinds(captions)).toEqual({ 'repeated-id': 2 });
});

test('a caption whose image has its id as text is not said to lack its image', async () => {
  const { problems } = await pack(
    await folderWith({
      'images/a.png': await png(1),
      'images/b.png': await png(2),
      'annotations/captions_train.json': {
        images: [
          { id: 1, file_name: 'a.png' },
          { id: '2', file_name: 'b.png' },
        ],
        annotations: ['1', 2, 3, 1].map((image_id) => ({ image_id, caption: 'hello' })),
      },
    }),
  );
  expect(problems.find(({ kind }) => kind === 'id-of-another-type')).toEqual({
    kind: 'id-of-another-type',
    count: 2,
    examples: [
      'annotations/captions_train.json: expected captions of image_id 1, got "1"',
      'annotations/captions_train.json: expected captions of image_id "2", got 2',
    ],
  });
  expect(problems.find(({ kind }) => kind === 'caption-without-image')?.count).toBe(1);
});
