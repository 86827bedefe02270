/** A safetensors file that is read tensor by tensor: the header once, then each tensor's bytes when they are asked for. */
import { TriptychError } from '@triptych/protocol';
import type { ByteRanges } from './byte-ranges.ts';
import {
  headerLength,
  LENGTH_BYTES,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from './header.ts';

export interface SafetensorsReader extends SafetensorsHeader {
  readonly name: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** The length and the JSON, as they stand in the file. */
  readonly headerBytes: Uint8Array;
  /** A tensor's bytes, in an ArrayBuffer of their own: nothing is kept here. @throws TriptychError MODEL_INVALID. */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** @throws TriptychError MODEL_INVALID, naming what in the header is wrong. */
export async function openSafetensors(file: ByteRanges): Promise<SafetensorsReader> {
  const { name, size: fileBytes } = file;
  const read = (offset: number, length: number) => readOf(file, offset, length);
  const length = headerLength(await read(0, Math.min(LENGTH_BYTES, fileBytes)), { name, fileBytes });
  const headerBytes = await read(0, LENGTH_BYTES + length);
  const header = parseHeader(headerBytes.subarray(LENGTH_BYTES), { name, fileBytes });
  const entryOf = (tensor: string): TensorEntry => {
    const entry = header.entries.get(tensor);
    if (entry) return entry;
    throw new TriptychError('MODEL_INVALID', `${name} has no tensor ${JSON.stringify(tensor)}`);
  };
  return {
    ...header,
    name,
    size: fileBytes,
    headerBytes,
    read: async (tensor) => {
      const { offset, bytes } = entryOf(tensor);
      return (await read(offset, bytes)) as Uint8Array<ArrayBuffer>;
    },
  };
}

async function readOf(file: ByteRanges, offset: number, length: number): Promise<Uint8Array> {
  try {
    return await file.read(offset, length);
  } catch (cause) {
    if (cause instanceof RangeError) throw new TriptychError('MODEL_INVALID', cause.message, { cause });
    throw cause;
  }
}
