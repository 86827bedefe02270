/** An image as an entry or a cell of a table gives it: a path, a data URI, bytes, or `{ bytes, path }` as Hugging Face writes it. */
import { show } from '@triptych/protocol';
import { finding } from '../pack/problems.ts';
import type { ImageSource } from '../sample.ts';
import type { Reading } from './format.ts';
import { type ImageLocator, reportLost } from './image-locator.ts';

const DATA_URI = /^data:[^,]{0,200};base64,/i;

export class ImageCells {
  readonly #locate: ImageLocator;
  readonly #reading: Reading;

  constructor(locate: ImageLocator, reading: Reading) {
    this.#locate = locate;
    this.#reading = reading;
  }

  /** Of several: all, or undefined where one is lost, which is a problem. `where` is their entry, and no other has it. */
  async all(cells: readonly unknown[], where: string): Promise<ImageSource[] | undefined> {
    const images: ImageSource[] = [];
    for (const [n, cell] of cells.entries()) {
      const image = await this.one(cell, cells.length === 1 ? where : `${where}, image ${n + 1}`);
      if (!image) return undefined;
      images.push(image);
    }
    return images;
  }

  /** Undefined, and a problem, where it is lost. */
  async one(cell: unknown, where: string): Promise<ImageSource | undefined> {
    if (cell instanceof Uint8Array) return this.#reading.keep(where, cell);
    if (typeof cell === 'string') return this.#named(cell, where);
    const { bytes, path, url } = (typeof cell === 'object' && cell !== null ? cell : {}) as {
      bytes?: unknown;
      path?: unknown;
      url?: unknown;
    };
    if (bytes instanceof Uint8Array) return this.#reading.keep(where, bytes);
    const name = path ?? url;
    if (typeof name === 'string') return this.#named(name, where);
    this.#reading.problems.add(
      'malformed-sample',
      finding(where, 'an image as a path, a data URI or bytes', cell),
    );
    return undefined;
  }

  async #named(name: string, where: string): Promise<ImageSource | undefined> {
    const [scheme] = DATA_URI.exec(name) ?? [];
    if (scheme !== undefined)
      return this.#reading.keep(where, Buffer.from(name.slice(scheme.length), 'base64'));
    const { problems } = this.#reading;
    if (name.startsWith('data:'))
      problems.add('malformed-sample', `${where}: expected a data URI in base64, got ${show(name)}`);
    else {
      const found = this.#locate(name);
      if ('path' in found) return found;
      reportLost(problems, { where, name, lost: found });
    }
    return undefined;
  }
}
