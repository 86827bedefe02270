/** Images by the number at the end of their names: 42 is 42.png, 000042.jpg and COCO_val2014_000000000042.jpg. */
import { extname } from 'node:path';
import type { SourceFiles } from '../../source/source-files.ts';

export type Found = { readonly path: string } | { readonly fault: 'missing-image' | 'ambiguous-image' };

const extensions = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff']);

export class NumberedImages {
  readonly #paths = new Map<string, string[]>();

  private constructor() {}

  static of(files: SourceFiles): NumberedImages {
    const images = new NumberedImages();
    for (const path of files.paths()) {
      const extension = extname(path);
      if (!extensions.has(extension.toLowerCase())) continue;
      const digits = /(\d+)$/.exec(path.slice(0, -extension.length))?.[1];
      if (digits === undefined) continue;
      const number = withoutZeros(digits);
      const known = images.#paths.get(number);
      if (known) known.push(path);
      else images.#paths.set(number, [path]);
    }
    return images;
  }

  /** Where several have the number, the one whose path has the `subtype` in it. */
  find(number: string, subtype: string): Found {
    const all = this.#paths.get(withoutZeros(number)) ?? [];
    const [path] = all;
    if (path === undefined) return { fault: 'missing-image' };
    if (all.length === 1) return { path };
    const [only, ...others] = subtype === '' ? all : all.filter((one) => one.includes(subtype));
    return only !== undefined && others.length === 0 ? { path: only } : { fault: 'ambiguous-image' };
  }
}

const withoutZeros = (digits: string): string => digits.replace(/^0+(?=\d)/, '');
