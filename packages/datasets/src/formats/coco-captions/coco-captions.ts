/**
 * COCO captions: JSON files in `annotations/` (or beside the images), one per split and named after it, or one Karpathy file with
 * all splits; images in `images/`, `images/<split>/`, `<split>/` or the folder itself.
 */
import { type Split, show } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import { jsonItems } from '../../source/json-items.ts';
import type { Source } from '../../source/source.ts';
import { SourceFiles } from '../../source/source-files.ts';
import { acceptedTexts } from '../accepted-texts.ts';
import type { DatasetReader } from '../format.ts';
import { type ImageLocator, imageLocator, reportLost } from '../image-locator.ts';
import { splitIn } from '../split-name.ts';
import { type AnnotatedImage, readCaptionFile } from './caption-file.ts';

export const cocoCaptions: DatasetReader = {
  name: 'coco-captions',
  layout: 'images/ and annotations/captions_<split>.json, or dataset_coco.json of Karpathy',

  async detect(source) {
    for (const path of captionFiles(await SourceFiles.of(source))) {
      const told = isNamed(path) ? 'has the name of a caption file' : await saysCaptions(source, path);
      if (told) return { reason: `${path} ${told}`, by: 'named' };
    }
    return undefined;
  },

  async *read(source, { problems, expect }) {
    const files = await SourceFiles.of(source);
    const seen = new Set<string>();
    const paths = captionFiles(files);
    for (const path of paths) expect(files.bytesOf(path));
    for (const path of paths) {
      const split = splitIn(path) ?? (paths.length === 1 ? 'train' : undefined);
      const tag = tagOf(path);
      const locate = imageLocator(files, ['images', ...(tag === '' ? [] : [`images/${tag}`, tag]), '']);
      for (const image of await readCaptionFile(source, path, problems)) {
        const sample = toSample(image, { split, locate, problems });
        if (!sample) continue;
        if (seen.has(sample.id))
          problems.add('duplicate-image', `${image.where}: ${sample.id} is listed twice`);
        else yield sample;
        seen.add(sample.id);
      }
    }
  },
};

const isNamed = (path: string): boolean =>
  /caption|dataset_|karpathy/i.test(path.slice(path.lastIndexOf('/') + 1));

/** COCO also has files of several hundred MB that are no captions, so where names tell, only those are opened. */
function captionFiles(files: SourceFiles): string[] {
  for (const place of ['annotations', '']) {
    const json = files.namesIn(place).filter((name) => name.endsWith('.json'));
    const named = json.filter(isNamed);
    if (place === '' && named.length > 0) return named;
    if (place === '' || json.length === 0) continue;
    // Questions have annotation files of their own, which are no captions.
    if (named.length === 0 && json.some((name) => /question/i.test(name))) continue;
    return (named.length > 0 ? named : json).map((name) => `annotations/${name}`);
  }
  return [];
}

async function saysCaptions(source: Source, path: string): Promise<string | undefined> {
  for await (const { list, value } of jsonItems(source, path, ['images', 'annotations'])) {
    const fields = typeof value === 'object' && value !== null ? value : {};
    if (list === 'annotations' && 'caption' in fields) return 'has annotations with captions';
    if (list === 'images' && 'sentences' in fields) return 'has images with sentences';
    // Of annotations the first tells; images may come before them.
    if (list === 'annotations') return undefined;
  }
  return undefined;
}

/** `annotations/captions_train2017.json` speaks of the image folder `train2017`. */
const tagOf = (path: string): string => /(train|val|test)\w*(?=\.json$)/i.exec(path)?.[0] ?? '';

function toSample(
  image: AnnotatedImage,
  { problems, ...context }: { split: Split | undefined; locate: ImageLocator; problems: ProblemLog },
): SourceSample | undefined {
  const { where, file: name } = image;
  const split = image.split ?? context.split;
  if (!split) {
    problems.add('unknown-split', `${where}: expected train, val or test in the file's name, got none`);
    return undefined;
  }
  const texts = acceptedTexts(image.captions, { problems, where: `${where}: ${show(name)}` });
  if (!texts) return undefined;
  const found = name === '' ? ({ fault: 'missing-image' } as const) : context.locate(name);
  if ('fault' in found) {
    reportLost(problems, { where, name, lost: found });
    return undefined;
  }
  return { id: found.path, split, images: [found], content: { kind: 'captions', texts } };
}
