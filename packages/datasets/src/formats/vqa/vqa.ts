/**
 * Visual question answering: VQAv2 (https://visualqa.org/vqa_v2_teaser.html), questions and annotations as two JSON files a split; TextVQA
 * (https://textvqa.org) and VizWiz (https://vizwiz.org), one file a split with the answers in it. They lie in the folder itself, `vqa/`,
 * `questions/` or `annotations/`; images are found by number or name, anywhere in the folder.
 */
import { basename } from 'node:path';
import type { Split } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import type { Source } from '../../source/source.ts';
import { SourceFiles } from '../../source/source-files.ts';
import type { DatasetReader, Recognition } from '../format.ts';
import { reportLost } from '../image-locator.ts';
import { splitIn } from '../split-name.ts';
import { ImagesById } from './images-by-id.ts';
import { type AskedQuestion, annotationsOf, isJson, questionsOf, saysQuestions } from './question-files.ts';

const PLACES = ['', 'vqa', 'questions', 'annotations', 'Questions', 'Annotations'];

export const vqa: DatasetReader = {
  name: 'vqa',
  layout:
    'questions and annotations JSON of VQAv2, such as vqa/{questions,annotations}_<split>.json, or one JSON of TextVQA or VizWiz a split, and images',

  async detect(source) {
    const { questions, annotations, reason } = await rolesOf(source);
    if (questions.length === 0) return undefined;
    const because = annotations.length > 0 ? `${questions[0]} and ${annotations[0]}` : reason;
    return { reason: because ?? '', by: 'named' } satisfies Recognition;
  },

  async *read(source, { problems, expect }) {
    const files = await SourceFiles.of(source);
    const images = new ImagesById(files, ['', 'images']);
    const { questions, annotations } = await rolesOf(source);
    for (const path of [...questions, ...annotations]) expect(files.bytesOf(path));
    const answers = await answersBySplit(source, annotations, problems);
    for (const path of questions) {
      const split = splitIn(path) ?? (questions.length === 1 ? 'train' : undefined);
      if (!split) problems.add('unknown-split', `${path}: expected train, val or test in its name, got none`);
      else
        for await (const asked of questionsOf(source, path, problems)) {
          const given = asked.answers ?? answers.get(split)?.get(asked.id) ?? [];
          const sample = sampleOf(asked, { split, answers: given, images, problems });
          if (sample) yield sample;
        }
    }
  },
};

function sampleOf(
  asked: AskedQuestion,
  at: { split: Split; answers: readonly string[]; images: ImagesById; problems: ProblemLog },
): SourceSample | undefined {
  const { split, answers, images, problems } = at;
  const { id, image, where, question } = asked;
  if (answers.length === 0) {
    problems.add('no-answer', `${where}: expected an answer to question ${id}, got none`);
    return undefined;
  }
  const found = images.find(image, asked.subtype);
  if ('fault' in found) {
    reportLost(problems, { where, name: image, lost: found });
    return undefined;
  }
  // Ids of questions are counted per split by some: they are made unique with it.
  return {
    id: `${split}/${id}`,
    split,
    images: [found],
    content: { kind: 'question', question, answers },
  };
}

/** Which JSON files are questions and which are annotations: by name, and where no name tells, by the first entry. */
async function rolesOf(
  source: Source,
): Promise<{ questions: string[]; annotations: string[]; reason?: string }> {
  const files = await SourceFiles.of(source);
  const paths = PLACES.flatMap((place) =>
    files
      .namesIn(place)
      .filter(isJson)
      .map((name) => (place === '' ? name : `${place}/${name}`)),
  );
  const questions = paths.filter((path) => /question/i.test(basename(path)));
  const annotations = paths.filter((path) => /annotation/i.test(basename(path)));
  if (questions.length > 0 && annotations.length > 0) return { questions, annotations };
  const whole: string[] = [];
  for (const path of paths) if (await saysQuestions(source, path)) whole.push(path);
  const [first] = whole;
  return {
    questions: whole,
    annotations: [],
    ...(first === undefined ? {} : { reason: `the first entry of ${first} has question, answers and image` }),
  };
}

/** Answers by question id, of each split. */
async function answersBySplit(
  source: Source,
  paths: readonly string[],
  problems: ProblemLog,
): Promise<Map<Split, Map<string, readonly string[]>>> {
  const bySplit = new Map<Split, Map<string, readonly string[]>>();
  for (const path of paths) {
    const split = splitIn(path) ?? (paths.length === 1 ? 'train' : undefined);
    if (!split) {
      problems.add('unknown-split', `${path}: expected train, val or test in its name, got none`);
      continue;
    }
    const known = bySplit.get(split) ?? new Map<string, readonly string[]>();
    bySplit.set(split, known);
    for await (const { question, answers, where } of annotationsOf(source, path, problems)) {
      if (known.has(question))
        problems.add('repeated-id', `${where}: question ${question} has answers twice`);
      else known.set(question, answers);
    }
  }
  return bySplit;
}
