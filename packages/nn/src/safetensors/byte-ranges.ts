/** Content that is read piece by piece: a file, an artifact, bytes in memory. */

export interface ByteRanges {
  /** For messages: a file name. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /** Exactly these bytes, in an ArrayBuffer of their own. @throws RangeError where the content is shorter. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export const bytesRanges = (name: string, bytes: Uint8Array): ByteRanges => ({
  name,
  size: bytes.byteLength,
  read: async (offset, length) => {
    if (offset + length > bytes.byteLength) throw tooShort(name, offset + length, bytes.byteLength);
    return new Uint8Array(bytes.subarray(offset, offset + length));
  },
});

/** Of content that comes in chunks of its own choice, from `offset` on. */
export const chunkRanges = (
  { name, size }: { readonly name: string; readonly size: number },
  chunks: (range: { offset: number; length: number }) => AsyncIterable<Uint8Array>,
): ByteRanges => ({
  name,
  size,
  read: async (offset, length) => {
    const bytes = new Uint8Array(length);
    let filled = 0;
    for await (const chunk of chunks({ offset, length })) {
      if (filled + chunk.byteLength > length) throw new RangeError(`${name} gave more bytes than asked for`);
      bytes.set(chunk, filled);
      filled += chunk.byteLength;
    }
    if (filled < length) throw tooShort(name, offset + length, offset + filled);
    return bytes;
  },
});

export const tooShort = (name: string, wanted: number, there: number): RangeError =>
  new RangeError(`${name} ends at byte ${there}, before byte ${wanted}`);
