/**
 * The header of a safetensors file (https://github.com/huggingface/safetensors#format): an 8-byte length, then JSON that gives
 * each tensor's type, shape and place. What the reference library refuses is refused; besides, keys that stand twice
 * anywhere and names with control characters, which no database keeps.
 */
import { show, TriptychError } from '@triptych/protocol';
import { byteLength, isDtype, type SafetensorsDtype } from './dtype.ts';
import { recognisedAs } from './foreign-file.ts';
import { parseStrictJson, type StrictJson, type StrictObject } from './strict-json.ts';

export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** First byte of the numbers, from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order in which the numbers lie in the file. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Where the numbers begin. */
  readonly end: number;
}

export const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000;

/**
 * How long the header is, from the first 8 bytes of a file of `fileBytes`.
 * @throws TriptychError MODEL_INVALID.
 */
export function headerLength(
  start: Uint8Array,
  { name, fileBytes }: { readonly name: string; readonly fileBytes: number },
): number {
  if (fileBytes < LENGTH_BYTES) invalid(name, `${fileBytes} bytes are too few for a header`);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    const foreign = recognisedAs(start);
    if (foreign)
      throw new TriptychError('MODEL_INVALID', `${name} ${foreign.is}; ${foreign.remedy}`, {
        violations: [
          { path: `/${name}`, expected: 'safetensors', actual: `it ${foreign.is}`, remedy: foreign.remedy },
        ],
      });
    invalid(name, `the header claims ${length} bytes, the format allows ${MAX_HEADER_BYTES}`);
  }
  if (Number(length) > fileBytes - LENGTH_BYTES)
    invalid(name, `the header claims ${length} bytes, the file has ${fileBytes}: it is cut off`);
  return Number(length);
}

/**
 * @param json the bytes between the length and the numbers.
 * @throws TriptychError MODEL_INVALID that names the tensor.
 */
export function parseHeader(
  json: Uint8Array,
  { name, fileBytes }: { readonly name: string; readonly fileBytes: number },
): SafetensorsHeader {
  const end = LENGTH_BYTES + json.byteLength;
  const header = headerObject(json, name);
  const metadata = metadataOf(header.get('__metadata__'), name);
  const entries = [...header]
    .filter(([key]) => key !== '__metadata__')
    .map(([key, entry]) => entryOf(key, entry, { name, start: end }))
    .sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let covered = end;
  for (const entry of entries) {
    if (entry.offset !== covered)
      invalid(
        name,
        `${show(entry.name)} begins at byte ${entry.offset - end}, ${
          entry.offset > covered ? 'and a hole lies before it' : 'inside another tensor'
        }: the numbers before it end at ${covered - end}`,
      );
    covered += entry.bytes;
  }
  if (covered !== fileBytes)
    invalid(
      name,
      covered > fileBytes
        ? `its tensors need ${covered} bytes, the file has ${fileBytes}: it is cut off`
        : `${fileBytes - covered} bytes follow the last tensor`,
    );
  return { metadata, entries: new Map(entries.map((entry) => [entry.name, entry])), end };
}

export function invalid(file: string, problem: string, cause?: unknown): never {
  const violation = {
    path: `/${file}`,
    expected: 'a valid safetensors file',
    actual: problem,
    remedy: 'copy or save it again',
  };
  throw new TriptychError('MODEL_INVALID', `${file} is not a valid safetensors file: ${problem}`, {
    violations: [violation],
    cause,
  });
}

function headerObject(json: Uint8Array, file: string): StrictObject {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    const header = parseStrictJson(text);
    if (header instanceof Map) return header;
  } catch (cause) {
    const why = cause instanceof SyntaxError ? cause.message : 'it is not UTF-8';
    invalid(file, `the header is not JSON ${why}`, cause);
  }
  return invalid(file, 'the header is not an object');
}

function metadataOf(value: StrictJson | undefined, file: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!(value instanceof Map)) return invalid(file, '__metadata__ is not an object');
  for (const [key, text] of value)
    if (typeof text !== 'string') invalid(file, `__metadata__ has ${show(key)}, which is not text`);
  return Object.fromEntries(value) as Record<string, string>;
}

function entryOf(
  name: string,
  entry: StrictJson,
  { name: file, start }: { readonly name: string; readonly start: number },
): TensorEntry {
  const of = show(name);
  if (hasControlCharacter(name)) invalid(file, `the name ${of} has a control character`);
  if (!(entry instanceof Map)) return invalid(file, `${of} is not an object`);
  const [dtype, shape, offsets] = ['dtype', 'shape', 'data_offsets'].map((field) => entry.get(field));
  if (!isDtype(dtype)) return invalid(file, `${of} has dtype ${show(dtype)}, which the format does not know`);
  if (!isSizes(shape)) return invalid(file, `${of} has no valid shape: ${show(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    return invalid(file, `${of} has no valid data_offsets: ${show(offsets)}`);
  const [begin, end] = offsets as readonly [number, number];
  const bytes = byteLength(dtype, shape);
  if (bytes === undefined) return invalid(file, `${of} has a size that cannot be: ${dtype} ${show(shape)}`);
  if (end - begin !== bytes)
    invalid(file, `${of} needs ${bytes} bytes for ${dtype} ${show(shape)}; its offsets are ${begin}..${end}`);
  return { name, dtype, shape, offset: start + begin, bytes };
}

const isSizes = (value: StrictJson | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every((size) => typeof size === 'number');

const hasControlCharacter = (text: string): boolean =>
  [...text].some((character) => character < ' ' || character === '\u007f');
