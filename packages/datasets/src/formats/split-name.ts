import type { Split } from '@triptych/protocol';

const patterns: readonly [RegExp, Split][] = [
  [/train/i, 'train'],
  [/val|dev/i, 'validation'],
  [/test/i, 'test'],
];

/** The split that a file name such as `captions_val2017.json` speaks of. */
export const splitIn = (name: string): Split | undefined =>
  patterns.find(([pattern]) => pattern.test(name))?.[1];

const folders: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
};

/** The split that a folder is, by its whole name: a class may well be called "trains". */
export const splitNamed = (folder: string): Split | undefined =>
  Object.hasOwn(folders, folder.toLowerCase()) ? folders[folder.toLowerCase()] : undefined;
