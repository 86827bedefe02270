/**
 * One folder per class: `<split>/<class>/*.jpg`, or `<class>/*.jpg` where there are no splits (all of it is train then).
 * The class name is the folder's with `_` as space; the captions are the plain zero-shot prompts filled with it, so that a model
 * trained on them knows the sentences it is asked with.
 */
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Split } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import { zeroShotPrompts } from '../../text/prompts.ts';
import type { DatasetReader, SourceSample } from '../format.ts';
import { splitNamed } from '../split-name.ts';

const imageExtensions = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff']);
const isImage = (path: string): boolean => imageExtensions.has(extname(path).toLowerCase());

export const classFolders: DatasetReader = {
  name: 'class-folders',
  layout: '<split>/<class>/<image> or <class>/<image>',

  async detect(folder) {
    for (const { path } of await classesIn(folder)) {
      const files = await readdir(join(folder, path), { recursive: true });
      if (files.some(isImage)) return true;
    }
    return false;
  },

  async read(folder, problems) {
    const samples: SourceSample[] = [];
    for (const entry of await classesIn(folder, problems))
      samples.push(...(await readClass(folder, entry, problems)));
    return samples;
  },
};

/** The name that captions and prompts use for a class folder. */
export const classNameOf = (folder: string): string => folder.replaceAll('_', ' ').trim();

interface ClassFolder {
  /** Relative to the dataset's folder. */
  readonly path: string;
  readonly name: string;
  readonly split: Split;
}

async function classesIn(folder: string, problems?: ProblemLog): Promise<ClassFolder[]> {
  const top = await subfolders(folder);
  const splits = top.filter((name) => splitNamed(name));
  if (splits.length === 0)
    return top.map((name) => ({ path: name, name: classNameOf(name), split: 'train' }));
  for (const name of top) if (!splits.includes(name)) problems?.add('ignored-folder', name);
  const classes = await Promise.all(
    splits.map(async (split) =>
      (await subfolders(join(folder, split))).map((name) => ({
        path: `${split}/${name}`,
        name: classNameOf(name),
        split: splitNamed(split) as Split,
      })),
    ),
  );
  return classes.flat();
}

async function readClass(folder: string, entry: ClassFolder, problems: ProblemLog): Promise<SourceSample[]> {
  const files = await readdir(join(folder, entry.path), { recursive: true, withFileTypes: true });
  const samples: SourceSample[] = [];
  for (const file of files) {
    if (file.isDirectory() || file.name.startsWith('.')) continue;
    const inside = file.parentPath.slice(join(folder, entry.path).length).replaceAll('\\', '/');
    const id = `${entry.path}${inside}/${file.name}`;
    if (isImage(file.name))
      samples.push({
        id,
        split: entry.split,
        captions: zeroShotPrompts(entry.name, 'plain'),
        className: entry.name,
      });
    else problems.add('not-an-image-file', id);
  }
  if (samples.length === 0) problems.add('empty-class', entry.path);
  return samples;
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
}
