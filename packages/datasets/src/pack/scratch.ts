/**
 * Images that have no file of their own, on disk until the dataset is packed. Its file loses its name at once, so that nothing is left
 * behind however the process ends.
 */
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHUNK_BYTES = 1 << 20;

export class Scratch {
  readonly #folder: string;
  #file: Promise<FileHandle> | undefined;
  #end = 0;

  /** `folder`: where there is room for the dataset once more. Nothing is written before the first `keep`. */
  constructor(folder: string = tmpdir()) {
    this.#folder = folder;
  }

  /** Appends; the answer reads it back as often as it is called, until `close`. Throws what the disk throws. */
  async keep(bytes: Uint8Array): Promise<() => AsyncIterable<Uint8Array>> {
    this.#file ??= openNameless(this.#folder);
    const file = await this.#file;
    const offset = this.#end;
    this.#end += bytes.length;
    for (let written = 0; written < bytes.length; )
      written += (await file.write(bytes, written, bytes.length - written, offset + written)).bytesWritten;
    return () => readBack(file, offset, bytes.length);
  }

  async close(): Promise<void> {
    await this.#file?.then(
      (file) => file.close(),
      () => undefined,
    );
  }
}

async function openNameless(parent: string): Promise<FileHandle> {
  const folder = await mkdtemp(join(parent, 'triptych-images-'));
  try {
    return await open(join(folder, 'images'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* readBack(file: FileHandle, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < length; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, offset + at);
    if (bytesRead === 0) throw new Error('the scratch file ends early');
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
