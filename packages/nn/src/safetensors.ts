/**
 * The safetensors file format (https://github.com/huggingface/safetensors#format): an 8-byte header length, a JSON
 * header, then the bytes of the tensors. Writing gives the same bytes for the same content.
 */
import { TriptychError } from '@triptych/protocol';
import { halfToFloat } from './vectors/half-float.ts';
import { fromBfloat16 } from './vectors/vector-unit.ts';

const bytesPerElement = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
export type SafetensorsDtype = keyof typeof bytesPerElement;

export interface SafetensorsTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** A window on the file. */
  readonly bytes: Uint8Array;
  /** The numbers as float32, in a new array; rounds F64 and I64. */
  float32(): Float32Array;
  /** The same without a copy where the file has them so (F32, aligned: every file written here); else a new array. */
  float32Window(): Float32Array;
}

export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** Throws MODEL_INVALID, naming the tensor, when the file contradicts itself. The tensors are windows on `bytes`. */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { header, start } = readHeader(bytes);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, begin, end } = checkedEntry(name, entry, bytes.length - start);
    const content = bytes.subarray(start + begin, start + end);
    const float32 = () => toFloat32(dtype, content);
    const float32Window = () => windowOn(dtype, content) ?? float32();
    tensors.set(name, { dtype, shape, bytes: content, float32, float32Window });
  }
  return { metadata: metadata as Record<string, string>, tensors };
}

export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** All tensors as F32, ordered by name; the header is padded so that the numbers are 8-byte aligned. */
export function writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const pieces = [...safetensorsPieces(tensors, metadata)];
  const file = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    file.set(piece, position);
    position += piece.length;
  }
  return file;
}

/** The bytes of the same file in order, as windows on the tensors: they must not change meanwhile. */
export function* safetensorsPieces(
  tensors: readonly TensorToWrite[],
  metadata?: Readonly<Record<string, string>>,
): Generator<Uint8Array, void> {
  const ordered = tensors.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  yield headerOf(ordered, metadata);
  for (const { data } of ordered) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let start = 0; start < bytes.length; start += PIECE_BYTES)
      yield bytes.subarray(start, start + PIECE_BYTES);
  }
}

const PIECE_BYTES = 1024 * 1024;

function headerOf(
  ordered: readonly TensorToWrite[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (metadata !== undefined) header['__metadata__'] = Object.fromEntries(Object.entries(metadata).sort());
  let offset = 0;
  for (const { name, shape, data } of ordered) {
    if (name in header || name === '__metadata__') invalid(`the name ${name} is used twice or reserved`);
    if (sizeOf(shape) !== data.length) invalid(`${name} has ${data.length} numbers for shape [${shape}]`);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(json, 8);
  return bytes;
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) invalid(`${bytes.length} bytes are too few for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > bytes.length - 8) invalid(`the header claims ${length} bytes, the file has ${bytes.length}`);
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    if (typeof header !== 'object' || header === null) invalid('the header is not an object');
    return { header: header as Record<string, unknown>, start: 8 + length };
  } catch (cause) {
    if (cause instanceof TriptychError) throw cause;
    throw new TriptychError('MODEL_INVALID', 'safetensors: the header is not JSON', { cause });
  }
}

function checkedEntry(name: string, entry: unknown, available: number) {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(bytesPerElement, dtype))
    invalid(`${name} has dtype ${dtype}`);
  if (!isSizes(shape)) invalid(`${name} has no valid shape`);
  if (!isSizes(offsets) || offsets.length !== 2) invalid(`${name} has no valid data_offsets`);
  const [begin, end] = offsets as [number, number];
  const expected = sizeOf(shape) * bytesPerElement[dtype as SafetensorsDtype];
  if (end > available || end - begin !== expected) {
    invalid(`${name} needs ${expected} bytes; its offsets are ${begin}..${end} of ${available}`);
  }
  return { dtype: dtype as SafetensorsDtype, shape, begin, end };
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

function windowOn(dtype: SafetensorsDtype, { buffer, byteOffset, byteLength }: Uint8Array) {
  const aligned = byteOffset % Float32Array.BYTES_PER_ELEMENT === 0;
  return dtype === 'F32' && aligned ? new Float32Array(buffer, byteOffset, byteLength / 4) : undefined;
}

function toFloat32(dtype: SafetensorsDtype, content: Uint8Array): Float32Array {
  // The file gives no alignment, so the bytes are copied first.
  const { buffer } = content.slice();
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), halfToFloat);
    case 'BF16':
      return fromBfloat16(new Uint16Array(buffer));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer));
    case 'I16':
      return Float32Array.from(new Int16Array(buffer));
    case 'I8':
      return Float32Array.from(new Int8Array(buffer));
    case 'U8':
    case 'BOOL':
      return Float32Array.from(new Uint8Array(buffer));
  }
}

function invalid(problem: string): never {
  throw new TriptychError('MODEL_INVALID', `safetensors: ${problem}`);
}
