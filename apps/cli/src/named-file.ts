/** A file that the user named: looked at before it is read, so that a pipe hangs nobody and a device fills no memory. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { invalidInput } from '@triptych/protocol';

export interface NamedFile {
  readonly path: string;
  /** What named it: an option of the command line. */
  readonly option: string;
  /** What it should be: "a picture file". */
  readonly what: string;
  readonly limitBytes: number;
}

/** @throws TriptychError INVALID_INPUT where it is no regular file, is empty, or is too large; what the system says of it. */
export async function readNamedFile({ path, option, what, limitBytes }: NamedFile): Promise<Buffer> {
  // Opening a pipe would wait for its other end.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    const refuse = (actual: string, remedy: string) =>
      invalidInput('command line', [
        {
          path: option,
          expected: `${what} of at most ${limitBytes / 2 ** 20} MiB`,
          actual: `${path} ${actual}`,
          remedy,
        },
      ]);
    if (!stats.isFile()) throw refuse('that is no regular file', 'save it as a file first');
    if (stats.size === 0 || stats.size > limitBytes)
      throw refuse(`with ${stats.size} bytes`, 'choose another file, or make it smaller');
    const content = Buffer.alloc(stats.size);
    let filled = 0;
    while (filled < content.length) {
      const { bytesRead } = await file.read(content, filled, content.length - filled, filled);
      if (bytesRead === 0) throw refuse('that became shorter while it was read', 'try again');
      filled += bytesRead;
    }
    return content;
  } finally {
    await file.close();
  }
}
