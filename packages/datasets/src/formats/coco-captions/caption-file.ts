/**
 * What a caption file says, in one shape: COCO's own `{ images, annotations }` and Karpathy's `{ images: [{ sentences }] }`. The file is read
 * value by value; what is kept is a name and captions for each image. Fields that are missing or of the wrong type make an entry
 * without captions or without a file, never an exception.
 */
import { type Split, show } from '@triptych/protocol';
import { finding, type ProblemLog } from '../../pack/problems.ts';
import { jsonItems } from '../../source/json-items.ts';
import type { Source } from '../../source/source.ts';
import { splitIn } from '../split-name.ts';
import { reportUnread } from '../unread-item.ts';

export interface AnnotatedImage {
  /** As written in the file; where it lies is for the reader to find out. */
  readonly file: string;
  /** Its entry, for messages. */
  readonly where: string;
  /** Undefined: the split is that of the annotation file. */
  readonly split?: Split;
  readonly captions: readonly unknown[];
}

type Fields = Readonly<Record<string, unknown>>;

/** What reading finds wrong is added to `problems`. An empty list where the JSON is no caption file, for example COCO's instances. */
export async function readCaptionFile(
  source: Source,
  path: string,
  problems: ProblemLog,
): Promise<AnnotatedImage[]> {
  const listed: (Omit<AnnotatedImage, 'captions'> & { readonly id: unknown })[] = [];
  const karpathyImages: AnnotatedImage[] = [];
  const captionsOf = new Map<unknown, unknown[]>();
  for await (const item of jsonItems(source, path, ['images', 'annotations'])) {
    const { scope, list, value } = item;
    const where = `${path}, ${item.place}`;
    const entry = value as Fields | null;
    if (reportUnread(item, { path, problems })) continue;
    if (scope === 'field') {
      if (['images', 'annotations'].includes(list))
        problems.add('unreadable-annotations', finding(where, `a list of ${list}`, value));
    } else if (list === '')
      problems.add('unreadable-annotations', finding(where, '{ images, annotations }', value));
    else if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      problems.add('unreadable-entry', finding(where, `an object in ${list}`, value));
    else if (list === 'annotations') {
      if (!('caption' in entry)) continue;
      const { image_id: id, caption } = entry;
      const captions = captionsOf.get(id);
      if (captions) captions.push(caption);
      else captionsOf.set(id, [caption]);
    } else if (Array.isArray(entry['sentences'])) karpathyImages.push(karpathy(entry, where));
    else listed.push({ id: entry['id'], file: text(entry['file_name']), where });
  }
  if (karpathyImages.length > 0) return karpathyImages;
  return captionsOf.size === 0 ? [] : paired(listed, captionsOf, { path, problems });
}

/** Images with the captions of their ids, those whose ids say which; what cannot be told apart is left out. */
function paired(
  listed: readonly (Omit<AnnotatedImage, 'captions'> & { readonly id: unknown })[],
  captionsOf: ReadonlyMap<unknown, readonly unknown[]>,
  { path, problems }: { path: string; problems: ProblemLog },
): AnnotatedImage[] {
  const claims = new Map<unknown, Set<string>>();
  for (const { id, file } of listed) claims.set(id, (claims.get(id) ?? new Set()).add(file));
  const images: AnnotatedImage[] = [];
  for (const { id, file, where } of listed) {
    const others = claims.get(id) as Set<string>;
    if (id === undefined || id === null || typeof id === 'object')
      problems.add('repeated-id', finding(where, 'an id of its own', id));
    else if (others.size > 1)
      problems.add(
        'repeated-id',
        `${where}: expected an id of its own, got ${show(id)}, the id of ${[...others].map(show).join(' and ')}`,
      );
    else images.push({ file, where, captions: captionsOf.get(id) ?? [] });
  }
  const spelt = new Map(listed.map(({ id }) => [String(id), id]));
  for (const [id, captions] of captionsOf) {
    if (claims.has(id)) continue;
    // As the reference reads them, 1 and "1" are two ids: guessing might pair what does not belong together.
    const other = spelt.get(String(id));
    if (other === undefined)
      problems.add(
        'caption-without-image',
        `${path}: expected an image with the id ${show(id)}, got none`,
        captions.length,
      );
    else
      problems.add(
        'id-of-another-type',
        `${path}: expected captions of image_id ${show(other)}, got ${show(id)}`,
        captions.length,
      );
  }
  return images;
}

/** `restval` is the part of COCO's validation images that Karpathy's protocol trains on. */
function karpathy(image: Fields, where: string): AnnotatedImage {
  const file = [text(image['filepath']), text(image['filename'])].filter((part) => part !== '').join('/');
  const name = text(image['split']);
  const split = name === 'restval' ? 'train' : splitIn(name);
  const captions = (image['sentences'] as unknown[]).map((sentence) => (sentence as Fields | null)?.['raw']);
  return split ? { file, where, split, captions } : { file, where, captions };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
