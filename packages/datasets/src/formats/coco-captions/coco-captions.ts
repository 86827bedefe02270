/**
 * COCO captions: JSON files in `annotations/` (or beside the images), one per split and named after it, or one Karpathy file with
 * all splits; images in `images/`, `images/<split>/`, `<split>/` or the folder itself.
 */
import { type Split, show } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import { SourceFiles } from '../../source/source-files.ts';
import type { DatasetReader } from '../format.ts';
import { imageLocator } from '../image-locator.ts';
import { splitIn } from '../split-name.ts';
import { type AnnotatedImage, parseCaptionFile } from './annotations.ts';

export const cocoCaptions: DatasetReader = {
  name: 'coco-captions',
  layout: 'images/ and annotations/captions_<split>.json',
  detect: async (source) => captionFiles(await SourceFiles.of(source)).length > 0,

  async *read(source, problems) {
    const files = await SourceFiles.of(source);
    const seen = new Set<string>();
    const paths = captionFiles(files);
    for (const path of paths) {
      const json = await files.json(path, problems);
      const file = json === undefined ? undefined : parseCaptionFile(json);
      if (!file) continue;
      if (file.orphans > 0) problems.add('caption-without-image', path, file.orphans);
      for (const id of file.otherType)
        problems.add(
          'id-of-another-type',
          `a caption of ${path} has image_id ${show(id)}, the image ${otherWay(id)}`,
        );
      for (const id of file.repeatedIds) problems.add('repeated-id', `image id ${id} in ${path}`);
      const split = splitIn(path) ?? (paths.length === 1 ? 'train' : undefined);
      const tag = tagOf(path);
      const places = ['images', ...(tag === '' ? [] : [`images/${tag}`, tag]), ''];
      const locate = imageLocator(files, places);
      for (const image of file.images) {
        const sample = toSample(image, { split, locate, problems, path });
        if (!sample) continue;
        if (seen.has(sample.id)) problems.add('duplicate-image', `${sample.id} is listed twice`);
        else yield sample;
        seen.add(sample.id);
      }
    }
  },
};

/** COCO also has files of several hundred MB that are no captions, so where names tell, only those are opened. */
function captionFiles(files: SourceFiles): string[] {
  for (const place of ['annotations', '']) {
    const json = files.namesIn(place).filter((name) => name.endsWith('.json'));
    const named = json.filter((name) => /caption|dataset_|karpathy/i.test(name));
    if (place === '' && named.length > 0) return named;
    if (place === '' || json.length === 0) continue;
    // Questions have annotation files of their own, which are no captions.
    if (named.length === 0 && json.some((name) => /question/i.test(name))) continue;
    return (named.length > 0 ? named : json).map((name) => `annotations/${name}`);
  }
  return [];
}

const otherWay = (id: unknown): string => (typeof id === 'string' ? id : show(String(id)));

/** `annotations/captions_train2017.json` speaks of the image folder `train2017`. */
const tagOf = (path: string): string => /(train|val|test)\w*(?=\.json$)/i.exec(path)?.[0] ?? '';

function toSample(
  image: AnnotatedImage,
  context: {
    split: Split | undefined;
    locate: ReturnType<typeof imageLocator>;
    problems: ProblemLog;
    path: string;
  },
): SourceSample | undefined {
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
  if (captions.length === 0) {
    problems.add('no-caption', name);
    return undefined;
  }
  const empty = image.captions.length - captions.length;
  if (empty > 0) problems.add('empty-caption', name, empty);
  const found = image.file === '' ? ({ fault: 'missing-image' } as const) : context.locate(image.file);
  if ('fault' in found) {
    problems.add(found.fault, name);
    return undefined;
  }
  const texts = captions.map((caption) => caption.trim());
  return { id: found.path, split, images: [found], content: { kind: 'captions', texts } };
}
