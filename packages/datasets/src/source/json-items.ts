/**
 * The values of JSON lines, of a JSON list, or of the lists of a JSON object, one after the other: such files are larger than the longest
 * text of the engine. Only where values begin and end is found here; reading them is left to JSON.parse. A value that cannot be
 * read is said and does not cost the others.
 *
 * As Python writes and reads it, `NaN` and `Infinity` are numbers. A key that an object has twice is a fault: every reader would take
 * another of the two.
 */
import { repeatedKey } from './repeated-key.ts';
import type { Source } from './source.ts';

/** One value may have this much: a conversation may hold images as text. */
const MAX_ITEM_BYTES = 64 * 1024 * 1024;

const [QUOTE, BACKSLASH, COMMA, COLON, NEWLINE] = [0x22, 0x5c, 0x2c, 0x3a, 0x0a];
const MARK_OF_ORDER = [0xef, 0xbb, 0xbf];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const ENDS = [COMMA, CLOSE_LIST, CLOSE_OBJECT];

export interface JsonItem {
  /** An entry of a list or a line; a field of the object, whole; or, with a fault, the file itself. */
  readonly scope: 'entry' | 'field' | 'file';
  /** The key of the list or of the field; '' where there is none. */
  readonly list: string;
  /** Where it stands, for messages: no other entry of the file stands there. */
  readonly place: string;
  /** Undefined where it cannot be read. */
  readonly value?: unknown;
  readonly fault?: string;
}

/**
 * By the first character that is no space: `[` is a list, `{` is an object per line, or, where `lists` are asked for, one object,
 * whose other fields come whole. What is wrong with the file itself (cut off, something after its end) is an item with a
 * fault. Throws what the source throws.
 */
export async function* jsonItems(
  source: Source,
  path: string,
  lists?: readonly string[],
): AsyncGenerator<JsonItem> {
  const cutter = new ItemCutter(lists);
  try {
    for await (const chunk of source.read(path)) for (const cut of cutter.cut(chunk)) yield read(cut);
    for (const cut of cutter.end()) yield read(cut);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    yield { scope: 'file', list: '', place: `line ${cutter.line}`, fault: error.message };
  }
}

/** One JSON value of a file that is small enough to be read as a whole. Throws SyntaxError. */
export function parseJson(content: Uint8Array): unknown {
  const { value, fault } = read({ scope: 'file', list: '', place: '', bytes: content, colons: undefined });
  if (fault !== undefined) throw new SyntaxError(fault);
  return value;
}

interface Cut extends Pick<JsonItem, 'scope' | 'list' | 'place'> {
  readonly bytes: Uint8Array | undefined;
  /** Colons outside of texts: as many as there are keys. */
  readonly colons: number | undefined;
}

/** What the place is in which the cutter is. */
type Level = 'start' | 'lines' | 'list' | 'object' | 'inner' | 'closed';

class ItemCutter {
  line = 1;
  readonly #lists: readonly string[] | undefined;
  #level: Level = 'start';
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** Where the value that is being cut began. */
  #from = 1;
  #begun = false;
  #colons = 0;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #tooLong = false;
  /** Of the object's fields: the name of the one that is read. */
  #list = '';
  /** Of the list that is read. */
  #entries = 0;
  readonly #seen = new Set<string>();

  constructor(lists: readonly string[] | undefined) {
    this.#lists = lists;
  }

  *cut(chunk: Uint8Array): Generator<Cut> {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (byte === NEWLINE) {
        // A text has no line end inside: a line that leaves one open is broken alone.
        if (this.#level === 'lines') {
          yield* this.#take(chunk.subarray(start, at), 'line');
          start = at + 1;
        }
        this.line += 1;
        continue;
      }
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inText = false;
        continue;
      }
      if (byte <= 0x20) continue;
      if (this.#level === 'start') {
        // A byte order mark may come first.
        if (MARK_OF_ORDER.includes(byte)) {
          start = at + 1;
          continue;
        }
        if (this.#opens(byte)) {
          start = at + 1;
          continue;
        }
      }
      if (this.#level === 'closed') throw new SyntaxError('something follows the end');
      if (!this.#begun && (this.#level === 'lines' || !ENDS.includes(byte)))
        [this.#begun, this.#from] = [true, this.line];
      if (byte === QUOTE) this.#inText = true;
      else if (byte === COLON) {
        this.#colons += 1;
        if (this.#level === 'object' && this.#depth === 1) {
          this.#enterField(chunk.subarray(start, at));
          start = at + 1;
        }
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        this.#depth += 1;
        const opensList = this.#level === 'object' && this.#depth === 2 && byte === OPEN_LIST;
        if (opensList && this.#lists?.includes(this.#list)) {
          this.#level = 'inner';
          this.#restart();
          start = at + 1;
        }
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        this.#depth -= 1;
        if (this.#level === 'lines') continue;
        if (this.#depth < 0) throw new SyntaxError('a bracket closes what was not opened');
        const isOuter = this.#depth === 0;
        if (isOuter || (this.#level === 'inner' && this.#depth === 1)) {
          yield* this.#take(chunk.subarray(start, at), 'last');
          start = at + 1;
          this.#level = isOuter ? 'closed' : 'object';
        }
      } else if (byte === COMMA && this.#depth === (this.#level === 'inner' ? 2 : 1)) {
        if (this.#level === 'lines') continue;
        yield* this.#take(chunk.subarray(start, at), this.#level === 'object' ? 'last' : 'more');
        start = at + 1;
      }
    }
    if (this.#level !== 'closed') this.#keep(chunk.subarray(start));
  }

  *end(): Generator<Cut> {
    if (this.#level === 'lines') yield* this.#take(new Uint8Array(), 'line');
    else if (this.#depth > 0 || this.#inText) throw new SyntaxError('the file is cut off');
  }

  /** Whether the first character opens something that has values inside. */
  #opens(byte: number): boolean {
    const opens = byte === OPEN_LIST || (byte === OPEN_OBJECT && this.#lists !== undefined);
    this.#level = !opens ? 'lines' : byte === OPEN_LIST ? 'list' : 'object';
    this.#depth = opens ? 1 : 0;
    return opens;
  }

  /** `last` has read the key of a field of the object. */
  #enterField(last: Uint8Array): void {
    this.#keep(last);
    const key = parseText(Buffer.concat(this.#parts));
    this.#restart();
    if (this.#seen.has(key)) throw new SyntaxError(`the key ${JSON.stringify(key)} is there twice`);
    this.#seen.add(key);
    this.#list = key;
    this.#entries = 0;
  }

  /** `last` ends a value. Where no other must follow it, it may be nothing. */
  *#take(last: Uint8Array, kind: 'line' | 'more' | 'last'): Generator<Cut> {
    this.#keep(last);
    const isThere = this.#begun || kind === 'more';
    const cut: Cut = {
      scope: this.#level === 'object' ? 'field' : 'entry',
      list: this.#level === 'object' || this.#level === 'inner' ? this.#list : '',
      place: this.#place(this.#begun ? this.#from : this.line),
      bytes: this.#tooLong ? undefined : Buffer.concat(this.#parts),
      colons: this.#colons,
    };
    if (kind === 'line') [this.#depth, this.#inText, this.#escaped] = [0, false, false];
    this.#restart();
    if (!isThere) return;
    this.#entries += 1;
    yield cut;
  }

  #place(line: number): string {
    if (this.#level === 'lines' || this.#level === 'object') return `line ${line}`;
    return `${this.#list === '' ? '' : `${this.#list} `}entry ${this.#entries + 1} (line ${line})`;
  }

  #restart(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#colons = 0;
    this.#begun = false;
    this.#tooLong = false;
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_ITEM_BYTES) {
      this.#tooLong = true;
      this.#parts = [];
    } else if (part.length > 0) this.#parts.push(part);
  }
}

const parseText = (bytes: Uint8Array): string => {
  try {
    return String(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw new SyntaxError('a key that cannot be read');
  }
};

/** Numbers that Python's json writes and JSON does not have, outside of texts. */
const NOT_JSON = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
const MARK = '\u0000not a number: ';

const utf8 = new TextDecoder('utf-8', { fatal: true });

function read({ bytes, colons, ...place }: Cut): JsonItem {
  if (!bytes) return { ...place, fault: `more than ${MAX_ITEM_BYTES} bytes in one entry` };
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { ...place, fault: 'it is not UTF-8' };
  }
  try {
    const value = parse(text);
    const key = colons === undefined || colons > keysOf(value) ? repeatedKey(text) : undefined;
    return key === undefined
      ? { ...place, value }
      : { ...place, fault: `the key ${JSON.stringify(key)} is there twice in one object` };
  } catch (error) {
    return { ...place, fault: (error as Error).message };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const marked = text.replace(NOT_JSON, (one) => (one.startsWith('"') ? one : JSON.stringify(MARK + one)));
    if (marked === text) throw error;
    return JSON.parse(marked, (_key, value) =>
      typeof value === 'string' && value.startsWith(MARK) ? Number(value.slice(MARK.length)) : value,
    );
  }
}

/** Of all objects in it together. */
function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  const stack: object[] = [value];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const inner = Object.values(next);
    if (!Array.isArray(next)) count += inner.length;
    for (const one of inner) if (typeof one === 'object' && one !== null) stack.push(one);
  }
  return count;
}
