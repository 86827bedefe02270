/**
 * The members of a tar, one after the other, with where their bytes lie; nothing is unpacked. What a block of the archive says is read by
 * the library (`tar`): ustar, pax, GNU. Small members come with their bytes, so that one pass over the archive is enough.
 */

import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Header, Pax } from 'tar';
import type { Source } from './source.ts';

const BLOCK = 512;
/** A long name or pax header has no more. */
const MAX_META_BYTES = 1 << 20;
/** Images barely compress: what grows more is a bomb. */
const MOST_GROWTH = 100;
const ALLOWED_BYTES = 64 * 1024 * 1024;

export interface TarMember {
  readonly path: string;
  /** `File`, `OldFile`, `Directory`, `Link`, `SymbolicLink` ... */
  readonly type: string;
  readonly size: number;
  /** Of its bytes in the archive, as it is after decompression. */
  readonly offset: number;
  /** Absent where it has more than `limit` bytes, or is no regular file. */
  readonly bytes?: Uint8Array;
}

/** Throws an Error that says what is wrong with the archive, after the members that could be read. */
export async function* tarMembers(
  source: Source,
  path: string,
  { size, limit }: { size: number; limit: number },
): AsyncGenerator<TarMember> {
  const isCompressed = /\.(tgz|gz)$/i.test(path);
  const input = new ByteReader(isCompressed ? inflated(source, path, size) : source.read(path));
  let global: Pax | undefined;
  let next: Pax | undefined;
  let longName: string | undefined;
  for (;;) {
    const block = await input.take(BLOCK);
    if (block.length === 0) throw new Error('the archive is truncated: it has no end');
    if (block.length < BLOCK) throw new Error('the archive is truncated inside a header');
    const header = new Header(block, 0, next, global);
    if (header.nullBlock) return;
    if (!header.cksumValid) throw new Error(`the header at byte ${input.position - BLOCK} is damaged`);
    const bytes = header.size ?? 0;
    const padded = Math.ceil(bytes / BLOCK) * BLOCK;
    const type = header.type as string;
    if (/ExtendedHeader|LongPath|LongLink/.test(type)) {
      if (bytes > MAX_META_BYTES) throw new Error(`a name of ${bytes} bytes`);
      const text = (await input.take(padded)).subarray(0, bytes).toString('utf8');
      if (type === 'GlobalExtendedHeader') global = Pax.parse(text, global, true);
      else if (type === 'NextFileHasLongPath') longName = text.replace(/\0.*$/s, '');
      else if (/ExtendedHeader/.test(type)) next = Pax.parse(text, next, false);
      continue;
    }
    const offset = input.position;
    const isFile = ['File', 'OldFile', 'ContiguousFile'].includes(type);
    const member = { path: longName ?? header.path ?? '', type: isFile ? 'File' : type, size: bytes, offset };
    [next, longName] = [undefined, undefined];
    if (isFile && bytes <= limit) {
      const content = await input.take(padded);
      if (content.length < bytes) throw new Error(`the archive is truncated inside ${member.path}`);
      yield { ...member, bytes: content.subarray(0, bytes) };
    } else {
      yield member;
      if (isFile && !(await input.skip(padded)))
        throw new Error(`the archive is truncated inside ${member.path}`);
    }
  }
}

async function* inflated(source: Source, path: string, size: number): AsyncGenerator<Uint8Array> {
  const most = Math.max(ALLOWED_BYTES, size * MOST_GROWTH);
  let bytes = 0;
  const gunzip = createGunzip();
  const input = Readable.from(source.read(path));
  input.on('error', (error) => gunzip.destroy(error)).pipe(gunzip);
  try {
    for await (const chunk of gunzip) {
      bytes += chunk.length;
      if (bytes > most) throw new Error(`it grows beyond ${most} bytes: a decompression bomb`);
      yield chunk;
    }
  } finally {
    input.destroy();
    gunzip.destroy();
  }
}

/** Takes pieces of given lengths from chunks of any. */
class ByteReader {
  position = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fewer at the end of the input. */
  async take(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0 && (await this.#fill())) {
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    this.position += length - missing;
    return Buffer.concat(parts);
  }

  /** False where the input ends before. */
  async skip(length: number): Promise<boolean> {
    let missing = length;
    while (missing > 0 && (await this.#fill())) {
      const skipped = Math.min(missing, this.#rest.length);
      this.#rest = this.#rest.subarray(skipped);
      missing -= skipped;
    }
    this.position += length - missing;
    return missing === 0;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#rest = value;
    }
    return true;
  }
}
