/**
 * COCO captions: JSON files in `annotations/` (or beside the images), one per split and named after it, or one Karpathy file with
 * all splits; images in `images/`, `images/<split>/`, `<split>/` or the folder itself.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Split } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import type { DatasetReader, SourceSample } from '../format.ts';
import { splitIn } from '../split-name.ts';
import { type AnnotatedImage, parseCaptionFile } from './annotations.ts';

export const cocoCaptions: DatasetReader = {
  name: 'coco-captions',
  layout: 'images/ and annotations/captions_<split>.json',
  detect: async (folder) => (await captionFiles(folder)).length > 0,

  async read(folder, problems) {
    const samples = new Map<string, SourceSample>();
    const paths = await captionFiles(folder);
    for (const path of paths) {
      const json = await readJson(join(folder, path), path, problems);
      const file = json === undefined ? undefined : parseCaptionFile(json);
      if (!file) continue;
      if (file.orphans > 0) problems.add('caption-without-image', path, file.orphans);
      const split = splitIn(path) ?? (paths.length === 1 ? 'train' : undefined);
      const locate = imageLocator(folder, tagOf(path));
      for (const image of file.images) {
        const sample = await toSample(image, { split, locate, problems, path });
        if (!sample) continue;
        const before = samples.get(sample.id);
        if (before) problems.add('duplicate-image', `${sample.id} is listed twice`);
        else samples.set(sample.id, sample);
      }
    }
    return [...samples.values()];
  },
};

/** COCO also has files of several hundred MB that are no captions, so where names tell, only those are opened. */
async function captionFiles(folder: string): Promise<string[]> {
  for (const place of ['annotations', '.']) {
    const names = await readdir(join(folder, place)).catch(() => []);
    const json = names.filter((name) => name.endsWith('.json')).sort();
    const named = json.filter((name) => /caption|dataset_|karpathy/i.test(name));
    if (place === 'annotations' && json.length > 0)
      return (named.length > 0 ? named : json).map((name) => `annotations/${name}`);
    if (named.length > 0) return named;
  }
  return [];
}

async function readJson(path: string, name: string, problems: ProblemLog): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    problems.add('unreadable-annotations', `${name}: ${(error as Error).message}`);
    return undefined;
  }
}

/** `annotations/captions_train2017.json` speaks of the image folder `train2017`. */
const tagOf = (path: string): string => /(train|val|test)\w*(?=\.json$)/i.exec(path)?.[0] ?? '';

type Locate = (file: string) => Promise<string | undefined>;

async function toSample(
  image: AnnotatedImage,
  context: { split: Split | undefined; locate: Locate; problems: ProblemLog; path: string },
): Promise<SourceSample | undefined> {
  const { problems, path } = context;
  const name = image.file || `an image without a file name in ${path}`;
  const split = image.split ?? context.split;
  if (!split) {
    problems.add('unknown-split', `${name} (${path})`);
    return undefined;
  }
  const captions = image.captions.filter(
    (caption) => typeof caption === 'string' && caption.trim() !== '',
  ) as string[];
  const empty = image.captions.length - captions.length;
  if (empty > 0) problems.add('empty-caption', name, empty);
  if (captions.length === 0) {
    problems.add('no-caption', name);
    return undefined;
  }
  if (/^(\.\.)?\//.test(normalize(image.file).replaceAll('\\', '/'))) {
    problems.add('outside-folder', name);
    return undefined;
  }
  const id = image.file === '' ? undefined : await context.locate(image.file);
  if (id === undefined) problems.add('missing-image', name);
  return id === undefined ? undefined : { id, split, captions: captions.map((caption) => caption.trim()) };
}

/** Finds images by trying the usual folders, the one that worked last first. */
function imageLocator(folder: string, tag: string): Locate {
  const places = [...new Set(['images', tag && `images/${tag}`, tag, '.'].filter((place) => place !== ''))];
  return async (file) => {
    for (const [position, place] of places.entries()) {
      const found = await stat(join(folder, place, file)).catch(() => undefined);
      if (!found?.isFile()) continue;
      places.unshift(...places.splice(position, 1));
      return normalize(join(place, file)).replaceAll('\\', '/');
    }
    return undefined;
  };
}
