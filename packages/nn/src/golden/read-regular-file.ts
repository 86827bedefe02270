/** The content of a regular file of any size; a pipe would hang the reader and a device would fill its memory. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** One read takes at most 2 GiB - 1. */
const READ_BYTES = 2 ** 30;

/** @throws Error where it is no regular file, or cannot be read. */
export function readRegularFile(path: string): Uint8Array {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error(`${path} is no regular file`);
    const content = new Uint8Array(stats.size);
    for (let filled = 0; filled < content.length; ) {
      const read = readSync(file, content, filled, Math.min(READ_BYTES, content.length - filled), filled);
      if (read === 0) throw new Error(`${path} became shorter while it was read`);
      filled += read;
    }
    return content;
  } finally {
    closeSync(file);
  }
}
