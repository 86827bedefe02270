/**
 * One folder per class: `<split>/<class>/*.jpg`, or `<class>/*.jpg` where there are no splits (all of it is train then).
 * The class name is the folder's with `_` as space; the captions are the plain zero-shot prompts filled with it, so that a model
 * trained on them knows the sentences it is asked with.
 */
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type Split, TriptychError } from '@triptych/protocol';
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
    const names = new Set<string>();
    for (const { path, name } of await classesIn(folder))
      if ((await readdir(join(folder, path))).some(isImage)) names.add(name);
    return names.size > 1;
  },

  async read(folder, problems) {
    const samples: SourceSample[] = [];
    for (const entry of await classesIn(folder, problems))
      samples.push(...(await readClass(folder, entry, problems)));
    const names = new Set(samples.map(({ className }) => className));
    if (names.size === 1)
      throw new TriptychError(
        'DATASET_INVALID',
        `"${folder}" has only the class "${[...names]}": expected at least two folders of images; give the folder that holds the class folders, or add captions`,
      );
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
  const reportStray = async (place: string) => {
    for (const name of await readdir(join(folder, place)))
      if (isImage(name)) problems?.add('image-without-class', join(place, name));
  };
  await reportStray('');
  const splits = top.filter((name) => splitNamed(name));
  if (splits.length === 0)
    return top.map((name) => ({ path: name, name: classNameOf(name), split: 'train' }));
  for (const name of top) if (!splits.includes(name)) problems?.add('ignored-folder', name);
  const classes = await Promise.all(
    splits.map(async (folderName) => {
      await reportStray(folderName);
      const split = splitNamed(folderName) as Split;
      const names = await subfolders(join(folder, folderName));
      return names.map((name) => ({ path: `${folderName}/${name}`, name: classNameOf(name), split }));
    }),
  );
  return classes.flat();
}

async function readClass(folder: string, entry: ClassFolder, problems: ProblemLog): Promise<SourceSample[]> {
  const { split, name: className } = entry;
  const captions = zeroShotPrompts(className, 'plain');
  const samples: SourceSample[] = [];
  for (const file of await readdir(join(folder, entry.path), { withFileTypes: true })) {
    const id = `${entry.path}/${file.name}`;
    if (file.name.startsWith('.')) continue;
    if (file.isDirectory()) problems.add('ignored-folder', id);
    else if (isImage(file.name)) samples.push({ id, split, captions, className });
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
