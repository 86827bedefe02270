/**
 * Images by the id that questions give: a path, a name with or without its extension (TextVQA, VizWiz), or the number at the end of
 * the name: 42 is 42.png, 000042.jpg and COCO_val2014_000000000042.jpg.
 */
import { basename, extname } from 'node:path';
import type { SourceFiles } from '../../source/source-files.ts';
import { hasImageExtension } from '../image-extension.ts';
import { type ImageLocator, imageLocator, type Located } from '../image-locator.ts';

export class ImagesById {
  readonly #locate: ImageLocator;
  readonly #byName = new Map<string, string[]>();
  readonly #byNumber = new Map<string, string[]>();

  /** `places`: where paths begin. */
  constructor(files: SourceFiles, places: readonly string[]) {
    this.#locate = imageLocator(files, places);
    for (const path of files.paths()) {
      if (!hasImageExtension(path)) continue;
      const name = basename(path);
      const stem = name.slice(0, -extname(name).length);
      append(this.#byName, name, path);
      append(this.#byName, stem, path);
      const digits = /(\d+)$/.exec(stem)?.[1];
      if (digits !== undefined) append(this.#byNumber, withoutZeros(digits), path);
    }
  }

  /** Where several have the name or the number, the one whose path has the `subtype` in it. */
  find(id: string, subtype: string): Located {
    const found = this.#locate(id);
    if ('path' in found) return found;
    const named =
      this.#byName.get(id) ?? (/^\d+$/.test(id) ? this.#byNumber.get(withoutZeros(id)) : undefined);
    const [path, ...others] = named ?? [];
    if (path === undefined) return found;
    if (others.length === 0) return { path };
    const [only, ...more] =
      subtype === '' ? [path, ...others] : [path, ...others].filter((one) => one.includes(subtype));
    if (only !== undefined && more.length === 0) return { path: only };
    return { fault: 'ambiguous-image', hint: `there are ${[path, ...others].slice(0, 3).join(', ')}` };
  }
}

function append(map: Map<string, string[]>, key: string, path: string): void {
  const known = map.get(key);
  if (known) known.push(path);
  else map.set(key, [path]);
}

const withoutZeros = (digits: string): string => digits.replace(/^0+(?=\d)/, '');
