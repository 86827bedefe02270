/** Safetensors files that are in memory as a whole: small ones, and checkpoints. The rules are those of header.ts. */

import { TriptychError } from '@triptych/protocol';
import { byteLength, type SafetensorsDtype } from './dtype.ts';
import { headerLength, LENGTH_BYTES, parseHeader } from './header.ts';
import { floats } from './numbers.ts';
import { headerOf, inFileOrder } from './written-header.ts';

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
export function readSafetensors(bytes: Uint8Array, name = 'The file'): SafetensorsFile {
  const at = { name, fileBytes: bytes.byteLength };
  const end = LENGTH_BYTES + headerLength(bytes.subarray(0, LENGTH_BYTES), at);
  const { metadata, entries } = parseHeader(bytes.subarray(LENGTH_BYTES, end), at);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name: tensor, dtype, shape, offset, bytes: length } of entries.values()) {
    const content = bytes.subarray(offset, offset + length);
    tensors.set(tensor, {
      dtype,
      shape,
      bytes: content,
      float32: () => floats(dtype, content.slice()),
      float32Window: () => floats(dtype, content),
    });
  }
  return { metadata, tensors };
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
  for (const { name, shape, data } of tensors)
    if (byteLength('F32', shape) !== data.byteLength)
      throw new TriptychError(
        'MODEL_INVALID',
        `safetensors: ${name} has ${data.length} numbers for shape [${shape}]`,
      );
  const ordered = inFileOrder(tensors.map((tensor) => ({ ...tensor, dtype: 'F32' as const })));
  yield headerOf(ordered, metadata);
  for (const { data } of ordered) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let start = 0; start < bytes.length; start += PIECE_BYTES)
      yield bytes.subarray(start, start + PIECE_BYTES);
  }
}

const PIECE_BYTES = 1024 * 1024;
