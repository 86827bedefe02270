/**
 * Reads on what nobody wants. A server that answers and closes while the client is still sending resets the connection, and
 * the client sees a broken pipe instead of the answer; so the rest of a refused body is taken in and thrown away first.
 */
import type { Readable } from 'node:stream';

export interface DrainLimits {
  readonly bytes?: number;
  readonly timeoutMs?: number;
}

const MEBIBYTE = 2 ** 20;

/** Resolves (never rejects) at the body's end, or when the sender is gone or has had as much patience as there is. */
export async function drain(
  body: Readable,
  { bytes = 256 * MEBIBYTE, timeoutMs = 15_000 }: DrainLimits = {},
): Promise<void> {
  if (body.readableEnded || body.destroyed) return;
  let left = bytes;
  let timer: NodeJS.Timeout | undefined;
  let done = () => {};
  const count = (chunk: Buffer | string) => {
    left -= chunk.length;
    if (left <= 0) done();
  };
  try {
    await new Promise<void>((resolve) => {
      done = resolve;
      timer = setTimeout(resolve, timeoutMs);
      body.on('data', count).once('end', resolve).once('error', resolve).once('close', resolve);
    });
  } finally {
    clearTimeout(timer);
    body.off('data', count).off('end', done).off('error', done).off('close', done);
  }
}
