/** Reference captions of images: COCO's `captions_*.json`, an object from ids to captions, or predictions with their truths. */

import { firstOf } from './predicted-texts.ts';
import { counted, type ProblemLog, shown } from './problems.ts';
import { type Fields, idOf, isObject, type ScoreFile } from './score-file.ts';

export interface ReferenceCaptions {
  /** In the order of the file's images; without such a list, of their first captions. */
  readonly ids: readonly string[];
  /** Of each of them, in the order of the file; none for an image that the file has no caption of. */
  readonly captions: readonly (readonly string[])[];
  /** [captions]: the image of each, as an index of the ids, in the order of the file. */
  readonly order: Int32Array;
}

const FORM =
  'COCO captions ({ "images": [{ "id" }], "annotations": [{ "image_id", "caption" }] }) or an object from ids to captions';

export function readReferenceCaptions(file: ScoreFile, problems: ProblemLog): ReferenceCaptions {
  const { name, content } = file;
  const captions = new Map<string, string[]>();
  const owners: string[] = [];
  const fault = (place: string, expected: string, actual: unknown) =>
    problems.addAt(place, {
      path: name,
      expected,
      actual: shown(actual),
      remedy: 'correct or leave out the entry',
    });
  const add = (place: string, id: unknown, texts: readonly unknown[]) => {
    const key = idOf(id);
    if (key === undefined) return fault(place, 'the id of an image', id);
    const wrong = texts.find((text) => typeof text !== 'string');
    if (wrong !== undefined) return fault(place, 'a caption', wrong);
    for (const _ of texts) owners.push(key);
    const known = captions.get(key);
    if (known) known.push(...(texts as string[]));
    else captions.set(key, [...(texts as string[])]);
  };
  const listed =
    isObject(content) && Array.isArray(content['annotations']) ? content['annotations'] : content;
  if (Array.isArray(listed))
    for (const [i, entry] of listed.entries()) {
      const place = `${listed === content ? 'entry' : 'annotation'} ${i}`;
      if (!isObject(entry)) fault(place, 'an object with "image_id" and "caption"', entry);
      else add(place, firstOf(entry, ['image_id', 'id']), textsIn(entry));
    }
  else if (isObject(content)) for (const [id, texts] of Object.entries(content)) add(id, id, [texts].flat());
  else
    problems.add({
      path: name,
      expected: FORM,
      actual: shown(content),
      remedy: 'give the annotations of the split',
    });
  const ids = imagesIn(content, file, problems) ?? [...captions.keys()];
  if (ids.length === 0 && problems.all.length === 0)
    problems.add({
      path: name,
      expected: FORM,
      actual: 'no image',
      remedy: 'give the annotations of the split',
    });
  const places = new Map(ids.map((id, place) => [id, place]));
  return {
    ids,
    captions: ids.map((id) => captions.get(id) ?? []),
    order: Int32Array.from(owners.flatMap((id) => places.get(id) ?? [])),
  };
}

/** `truth` is what Triptych's own predictions call it. */
function textsIn(entry: Fields): unknown[] {
  const texts = firstOf(entry, ['caption', 'captions', 'references', 'truth']);
  return Array.isArray(texts) ? texts : [texts];
}

function imagesIn(content: unknown, { name }: ScoreFile, problems: ProblemLog): string[] | undefined {
  if (!isObject(content) || !Array.isArray(content['images']) || !Array.isArray(content['annotations']))
    return undefined;
  const ids = new Set<string>();
  const repeated: string[] = [];
  for (const [i, image] of content['images'].entries()) {
    const id = isObject(image) ? idOf(image['id']) : undefined;
    if (id === undefined)
      problems.addAt(`image ${i}`, {
        path: name,
        expected: 'images with an "id"',
        actual: shown(image),
        remedy: 'correct or leave out the entry',
      });
    else if (ids.has(id)) repeated.push(id);
    else ids.add(id);
  }
  if (repeated.length > 0)
    problems.add({
      path: name,
      expected: 'one image for each id',
      actual: `several for ${counted(repeated, 'id')}`,
      remedy: 'keep one of them',
    });
  return [...ids];
}
