/**
 * The values of a JSON array, or of JSON lines, one after the other: instruction files are larger than the longest text of the engine.
 * Only where values begin and end is found here; reading them is left to JSON.parse.
 */
import type { Source } from './source.ts';

/** One value may have this much. */
const MAX_ITEM_BYTES = 16 * 1024 * 1024;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Throws where the file is neither, is cut off, or goes on after its end. */
export async function* jsonItems(source: Source, path: string): AsyncGenerator<unknown> {
  const cutter = new ItemCutter();
  for await (const chunk of source.read(path))
    for (const item of cutter.cut(chunk)) yield parse(item, cutter.count);
  for (const item of cutter.end()) yield parse(item, cutter.count);
}

class ItemCutter {
  /** Values cut so far. */
  count = 0;
  /** Depth of the values: 1 inside a list, 0 for lines; undefined before the first byte. */
  #level: 0 | 1 | undefined;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #closed = false;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  *cut(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inText = false;
        continue;
      }
      if (this.#level === undefined) {
        // A byte order mark may come first.
        if (byte <= 0x20 || byte >= 0x80) {
          start = at + 1;
          continue;
        }
        this.#level = byte === OPEN_LIST ? 1 : 0;
        if (byte === OPEN_LIST) {
          this.#depth = 1;
          start = at + 1;
          continue;
        }
      }
      if (this.#closed && byte > 0x20) throw new SyntaxError('something follows the end of the list');
      if (byte === QUOTE) this.#inText = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#depth += 1;
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        this.#depth -= 1;
        if (this.#depth < 0) throw new SyntaxError('a bracket closes what was not opened');
        if (this.#level === 1 && this.#depth === 0) {
          yield* this.#take(chunk.subarray(start, at), false);
          start = at + 1;
          this.#closed = true;
        } else if (this.#level === 0 && this.#depth === 0) {
          yield* this.#take(chunk.subarray(start, at + 1), true);
          start = at + 1;
        }
      } else if (byte === COMMA && this.#level === 1 && this.#depth === 1) {
        yield* this.#take(chunk.subarray(start, at), true);
        start = at + 1;
      }
    }
    if (!this.#closed) this.#keep(chunk.subarray(start));
  }

  *end(): Generator<Uint8Array> {
    if (this.#depth > 0 || this.#inText) throw new SyntaxError('the file is cut off');
    yield* this.#take(new Uint8Array(), false);
  }

  *#take(last: Uint8Array, required: boolean): Generator<Uint8Array> {
    this.#keep(last);
    const item = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    if (!required && item.every((byte) => byte <= 0x20)) return;
    yield item;
    this.count += 1;
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_ITEM_BYTES)
      throw new RangeError(`item ${this.count} has more than ${MAX_ITEM_BYTES} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }
}

function parse(item: Uint8Array, position: number): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(item));
  } catch (error) {
    throw new SyntaxError(`item ${position}: ${(error as Error).message}`);
  }
}
