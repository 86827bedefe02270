/**
 * The layout that `writeScenes` makes: COCO captions in `annotations/`, and images in class folders `images/<split>/<class>/`.
 * `scenes.json` marks it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { classNameOf } from '../class-folders/class-folders.ts';
import { cocoCaptions } from '../coco-captions/coco-captions.ts';
import type { DatasetReader } from '../format.ts';

/** Name and content of the marker file. */
export const SCENES_MARKER = 'scenes.json';
export const SCENES_KIND = 'triptych-scenes';

export const scenes: DatasetReader = {
  name: 'scenes',
  layout: `${SCENES_MARKER}, images/<split>/<class>/<image> and annotations/captions_<split>.json`,

  async detect(folder) {
    try {
      return JSON.parse(await readFile(join(folder, SCENES_MARKER), 'utf8')).kind === SCENES_KIND;
    } catch {
      return false;
    }
  },

  async read(folder, problems) {
    const samples = await cocoCaptions.read(folder, problems);
    return samples.map((sample) => {
      const [images, _split, className, file] = sample.id.split('/');
      const inClassFolder = images === 'images' && className !== undefined && file !== undefined;
      return inClassFolder ? { ...sample, className: classNameOf(className) } : sample;
    });
  },
};
