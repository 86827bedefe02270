/** Where a dataset's files are: a folder, later a bucket. What they mean is the business of a format. */

/** Paths are relative, with `/`, without `..`. A path that ends in `/` is a folder with nothing in it. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
}

export interface ByteRange {
  /** From the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface Source {
  /** Every regular file, in no promised order. What is no regular file is left out and reported by the source's owner. */
  list(): AsyncIterable<SourceFile>;
  /**
   * The bytes of a listed file, or those of a range that lies inside it. Throws where it is gone, is no regular file any more, lies
   * outside, or is shorter than the range says.
   */
  read(path: string, range?: ByteRange): AsyncIterable<Uint8Array>;
}

/** A whole file. Throws where it has more than `limit` bytes, before they are in memory. */
export const readWhole = (source: Source, path: string, limit: number): Promise<Uint8Array> =>
  collect(source.read(path), limit);

/** All chunks as one. Throws RangeError where they have more than `limit` bytes. */
export async function collect(content: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > limit) throw new RangeError(`more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
