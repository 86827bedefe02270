/**
 * The layout that `writeScenes` makes, marked by `scenes.json`. One folder is three datasets: captions and classes, questions, and
 * conversations, several samples on one image in the latter two.
 */
import { readWhole, type Source } from '../../source/source.ts';
import { classNameOf } from '../class-folders/class-folders.ts';
import { cocoCaptions } from '../coco-captions/coco-captions.ts';
import type { DatasetReader } from '../format.ts';
import { llava } from '../llava/llava.ts';
import { vqa } from '../vqa/vqa.ts';

/** Name and content of the marker file. */
export const SCENES_MARKER = 'scenes.json';
export const SCENES_KIND = 'triptych-scenes';
const MARKER_BYTES = 64 * 1024;

export const scenes: DatasetReader = {
  name: 'scenes',
  layout: `${SCENES_MARKER}, images/<split>/<class>/<image> and annotations/captions_<split>.json`,
  detect: async (source) =>
    (await isMarked(source)) ? { reason: `${SCENES_MARKER} says so`, by: 'marked' } : undefined,

  async *read(source, reading) {
    for await (const sample of cocoCaptions.read(source, reading)) {
      const [images, _split, className, file] = sample.id.split('/');
      const inClassFolder = images === 'images' && className !== undefined && file !== undefined;
      yield inClassFolder ? { ...sample, className: classNameOf(className) } : sample;
    }
  },
};

export const scenesQuestions: DatasetReader = {
  name: 'scenes-questions',
  layout: `${SCENES_MARKER}, images/ and vqa/{questions,annotations}_<split>.json`,
  detect: onRequest,
  read: (source, reading) => vqa.read(source, reading),
};

export const scenesConversations: DatasetReader = {
  name: 'scenes-conversations',
  layout: `${SCENES_MARKER}, images/ and llava/conversations_<split>.json`,
  detect: onRequest,
  read: (source, reading) => llava.read(source, reading),
};

/** The folder is `scenes` unless it is asked for as something else. */
async function onRequest(): Promise<undefined> {}

async function isMarked(source: Source): Promise<boolean> {
  try {
    const marker = await readWhole(source, SCENES_MARKER, MARKER_BYTES);
    return JSON.parse(new TextDecoder().decode(marker)).kind === SCENES_KIND;
  } catch {
    return false;
  }
}
