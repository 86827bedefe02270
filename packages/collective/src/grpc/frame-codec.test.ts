import { peer } from '@triptych/protocol';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../frame.ts';
import { decodeFrame, encodeFrameInto, maxHeaderBytes } from './frame-codec.ts';

const frames: Frame[] = [
  { operation: 0, tag: 0, offset: 0, total: 0, content: Buffer.alloc(0) },
  { operation: 1, tag: 2 ** 16 + 3, offset: 127, total: 128, content: Buffer.from([7]) },
  {
    operation: 2 ** 32 - 1,
    tag: 2 ** 32 - 1,
    offset: 2 ** 52,
    total: 2 ** 53 - 1,
    content: Buffer.alloc(300, 9),
  },
];

describe('frame codec', () => {
  it.each(frames)('encodes as the generated codec does: %o', (frame) => {
    const memory = Buffer.alloc(frame.content.byteLength + maxHeaderBytes);
    const encoded = encodeFrameInto(memory, frame);
    const expected = peer.Frame.encode({ ...frame, content: Buffer.from(frame.content) }).finish();
    expect(encoded.equals(expected)).toBe(true);
    expect(decodeFrame(encoded)).toEqual(frame);
  });

  it('decodes without a copy', () => {
    const encoded = Buffer.from(peer.Frame.encode({ ...frames[1]!, content: Buffer.alloc(10) }).finish());
    expect(decodeFrame(encoded).content.buffer).toBe(encoded.buffer);
  });

  it.each([[[0x2a, 5, 1]], [[0x08]], [[0x08, 0x80]], [[0x32, 0]]])('refuses %o', (bytes) => {
    expect(() => decodeFrame(Buffer.from(bytes))).toThrow(/not a frame/);
  });
});
