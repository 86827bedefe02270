/**
 * easy-VQA (https://github.com/vzhou842/easy-VQA): `<split>/questions.json`, a list of `[question, answer, image]`, and
 * `<split>/images/<image>.png`.
 */
import type { Split } from '@triptych/protocol';
import { finding, type ProblemLog } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import { SourceFiles } from '../../source/source-files.ts';
import type { DatasetReader } from '../format.ts';
import { splitNamed } from '../split-name.ts';

export const easyVqa: DatasetReader = {
  name: 'easy-vqa',
  layout: '<split>/questions.json of [question, answer, image] and <split>/images/<image>.png',

  async detect(source) {
    const files = await SourceFiles.of(source);
    const folder = splitsIn(files).find((name) => files.foldersIn(name).includes('images'));
    return folder === undefined
      ? undefined
      : { reason: `${folder}/ has questions.json beside images/`, by: 'named' };
  },

  async *read(source, { problems }) {
    const files = await SourceFiles.of(source);
    for (const folder of splitsIn(files)) {
      const path = `${folder}/questions.json`;
      const entries = await files.json(path, problems);
      if (!Array.isArray(entries)) continue;
      for (const [position, entry] of entries.entries()) {
        const sample = toSample(entry, { folder, name: `entry ${position} of ${path}`, files, problems });
        if (sample) yield { ...sample, id: `${folder}/${position}` };
      }
    }
  },
};

const splitsIn = (files: SourceFiles): string[] =>
  files.foldersIn('').filter((name) => splitNamed(name) && files.has(`${name}/questions.json`));

function toSample(
  entry: unknown,
  context: { folder: string; name: string; files: SourceFiles; problems: ProblemLog },
): Omit<SourceSample, 'id'> | undefined {
  const { folder, name, files, problems } = context;
  const [question, answer, image] = Array.isArray(entry) ? (entry as unknown[]) : [];
  if (typeof question !== 'string' || typeof answer !== 'string' || !Number.isInteger(image)) {
    problems.add('malformed-sample', finding(name, '[question, answer, image]', entry));
    return undefined;
  }
  const path = `${folder}/images/${image}.png`;
  if (!files.has(path)) {
    problems.add('missing-image', `${name}: expected an image in the folder, got "${path}"`);
    return undefined;
  }
  return {
    split: splitNamed(folder) as Split,
    images: [{ path }],
    content: { kind: 'question', question, answers: [answer] },
  };
}
