/**
 * What a caption file says, in one shape: COCO's own `{ images, annotations }` and Karpathy's `{ images: [{ sentences }] }`.
 * Fields that are missing or of the wrong type make an entry without captions or without a file, never an exception.
 */
import type { Split } from '@triptych/protocol';
import { splitIn } from '../split-name.ts';

export interface AnnotatedImage {
  /** As written in the file; where it lies is for the reader to find out. */
  readonly file: string;
  /** Undefined: the split is that of the annotation file. */
  readonly split?: Split;
  readonly captions: readonly unknown[];
}

export interface CaptionFile {
  readonly images: AnnotatedImage[];
  /** Captions whose image is not listed. */
  readonly orphans: number;
  /** Captions whose image is listed with the same id as text where theirs is a number, or the other way round. */
  readonly otherType: readonly unknown[];
  /** Ids that several images claim: their captions cannot be told apart. */
  readonly repeatedIds: readonly unknown[];
}

/** Undefined where the JSON is no caption file, for example COCO's instances. */
export function parseCaptionFile(json: unknown): CaptionFile | undefined {
  const images = listOf(json, 'images');
  const annotations = listOf(json, 'annotations');
  if (images.some((image) => Array.isArray(image['sentences'])))
    return { images: images.map(karpathy), orphans: 0, otherType: [], repeatedIds: [] };
  if (!annotations.some((annotation) => 'caption' in annotation)) return undefined;
  return coco(images, annotations);
}

type Fields = Readonly<Record<string, unknown>>;

function coco(images: readonly Fields[], annotations: readonly Fields[]): CaptionFile {
  const captionsOf = new Map<unknown, unknown[]>(images.map((image) => [image['id'], []]));
  const spelt = new Set(images.map(({ id }) => String(id)));
  const otherType: unknown[] = [];
  let orphans = 0;
  for (const { image_id: id, caption } of annotations) {
    const captions = captionsOf.get(id);
    if (captions) captions.push(caption);
    // As the reference reads them, 1 and "1" are two ids: guessing might pair what does not belong together.
    else if ((typeof id === 'number' || typeof id === 'string') && spelt.has(String(id))) otherType.push(id);
    else orphans += 1;
  }
  const claims = new Map<unknown, Set<string>>();
  for (const image of images)
    claims.set(image['id'], (claims.get(image['id']) ?? new Set()).add(text(image['file_name'])));
  const isRepeated = (image: Fields) => (claims.get(image['id'])?.size ?? 0) > 1;
  const listed = images
    .filter((image) => !isRepeated(image))
    .map((image) => ({
      file: text(image['file_name']),
      captions: captionsOf.get(image['id']) as unknown[],
    }));
  const repeatedIds = images.filter(isRepeated).map((image) => image['id']);
  return { images: listed, orphans, otherType, repeatedIds };
}

/** `restval` is the part of COCO's validation images that Karpathy's protocol trains on. */
function karpathy(image: Fields): AnnotatedImage {
  const file = [text(image['filepath']), text(image['filename'])].filter((part) => part !== '').join('/');
  const name = text(image['split']);
  const split = name === 'restval' ? 'train' : splitIn(name);
  const captions = listOf(image, 'sentences').map((sentence) => sentence['raw']);
  return split ? { file, split, captions } : { file, captions };
}

const listOf = (value: unknown, key: string): Fields[] => {
  const list = (value as Fields | null)?.[key];
  return Array.isArray(list) ? list.filter((item) => typeof item === 'object' && item !== null) : [];
};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
