/** A message cut into frames, as `triptych.v1.Frame` has them: pieces in order, each with its place in the whole. */
import type { Label } from './transport.ts';

export interface Frame extends Label {
  /** Bytes of the message before this frame. */
  readonly offset: number;
  /** Bytes of the whole message. */
  readonly total: number;
  readonly content: Uint8Array;
}

/** Views of the message's content, none copied; an empty message is one empty frame. */
export function* framesOf(message: Label & { content: Uint8Array }, chunkBytes: number): Generator<Frame> {
  const { operation, tag, content } = message;
  const total = content.byteLength;
  let offset = 0;
  do {
    const piece = content.subarray(offset, Math.min(offset + chunkBytes, total));
    yield { operation, tag, offset, total, content: piece };
    offset += chunkBytes;
  } while (offset < total);
}
