/**
 * VQAv2's files (https://visualqa.org/vqa_v2_teaser.html): questions and annotations as two JSON files a split, in the folder itself,
 * `vqa/`, `questions/` or `annotations/`. An image is found by the number that its name ends in, as in COCO_val2014_000000262148.jpg.
 */
import { extname } from 'node:path';
import type { Split } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import { SourceFiles } from '../../source/source-files.ts';
import type { DatasetReader } from '../format.ts';
import { splitIn } from '../split-name.ts';
import { parseAnnotations, parseQuestions } from './annotations.ts';
import { NumberedImages } from './numbered-images.ts';

const PLACES = ['', 'vqa', 'questions', 'annotations', 'Questions', 'Annotations'];

export const vqa: DatasetReader = {
  name: 'vqa',
  layout:
    'questions and annotations JSON of VQAv2, such as vqa/{questions,annotations}_<split>.json, and images',

  async detect(source) {
    const names = jsonFiles(await SourceFiles.of(source));
    return names.some(isQuestions) && names.some(isAnnotations);
  },

  async *read(source, problems) {
    const files = await SourceFiles.of(source);
    const images = NumberedImages.of(files);
    const paths = jsonFiles(files);
    const questionPaths = paths.filter(isQuestions);
    const answers = await answersBySplit(files, paths.filter(isAnnotations), problems);
    for (const path of questionPaths) {
      const split = splitIn(path) ?? (questionPaths.length === 1 ? 'train' : undefined);
      const file = parseQuestions(await files.json(path, problems));
      if (!split && file) problems.add('unknown-split', path, file.questions.length);
      if (!split || !file) continue;
      for (const { id, image, question } of file.questions) {
        const name = `question ${id} in ${path}`;
        const given = answers.get(split)?.get(id);
        const found = images.find(image, file.subtype);
        if (!given) problems.add('no-answer', name);
        else if ('fault' in found) problems.add(found.fault, `image ${image} of ${name}`);
        else yield sampleOf({ id, split, path: found.path, question, answers: given });
      }
    }
  },
};

/** Ids of questions are counted per split by some: they are made unique with it. */
const sampleOf = (one: {
  id: string;
  split: Split;
  path: string;
  question: string;
  answers: readonly string[];
}): SourceSample => ({
  id: `${one.split}/${one.id}`,
  split: one.split,
  images: [{ path: one.path }],
  content: { kind: 'question', question: one.question.trim(), answers: one.answers },
});

const jsonFiles = (files: SourceFiles): string[] =>
  PLACES.flatMap((place) =>
    files
      .namesIn(place)
      .filter((name) => extname(name) === '.json')
      .map((name) => (place === '' ? name : `${place}/${name}`)),
  );

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const isQuestions = (path: string): boolean => /question/i.test(nameOf(path));
const isAnnotations = (path: string): boolean => /annotation/i.test(nameOf(path));

/** Answers by question id, of each split. */
async function answersBySplit(
  files: SourceFiles,
  paths: readonly string[],
  problems: ProblemLog,
): Promise<Map<Split, Map<string, readonly string[]>>> {
  const bySplit = new Map<Split, Map<string, readonly string[]>>();
  for (const path of paths) {
    const annotations = parseAnnotations(await files.json(path, problems));
    const split = splitIn(path) ?? (paths.length === 1 ? 'train' : undefined);
    if (!annotations || !split) continue;
    const known = bySplit.get(split) ?? new Map<string, readonly string[]>();
    bySplit.set(split, known);
    for (const { question, answers } of annotations) {
      if (known.has(question)) problems.add('repeated-id', `answers to question ${question} in ${path}`);
      else if (answers.length > 0) known.set(question, answers);
    }
  }
  return bySplit;
}
