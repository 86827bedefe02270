/**
 * `triptych.v1.Frame` on the wire, for tensor bytes: the same protobuf encoding as the generated codec, without
 * an allocation on the way out and without a copy on the way in.
 */
import { peer } from '@triptych/protocol';
import type { Frame } from '../frame.ts';

/** Tag and varint of operation, tag, offset, total; tag and length of the content. */
export const maxHeaderBytes = 2 * 6 + 2 * 11 + 6;
const contentField = 5;
const lengthDelimited = 2;

/** Encodes into memory of at least `maxHeaderBytes` more than the content; the result is a view of it. */
export function encodeFrameInto(memory: Buffer, frame: Frame): Buffer {
  let end = 0;
  const fields = [frame.operation, frame.tag, frame.offset, frame.total];
  for (const [index, value] of fields.entries()) {
    if (value === 0) continue;
    memory[end++] = (index + 1) << 3;
    end = writeVarint(memory, { value, at: end });
  }
  const { content } = frame;
  if (content.byteLength > 0) {
    memory[end++] = (contentField << 3) | lengthDelimited;
    end = writeVarint(memory, { value: content.byteLength, at: end });
    memory.set(content, end);
  }
  return memory.subarray(0, end + content.byteLength);
}

/** The content is a view of `encoded`, not aligned to anything. Throws on what is not a frame. */
export function decodeFrame(encoded: Buffer): Frame {
  const fields = [0, 0, 0, 0];
  let content: Uint8Array = encoded.subarray(0, 0);
  let position = 0;
  while (position < encoded.length) {
    const tag = encoded[position++]!;
    const [value, next] = readVarint(encoded, position);
    position = next;
    const field = tag >>> 3;
    const isNumber = (tag & 7) === 0;
    if (isNumber && field >= 1 && field <= fields.length) {
      fields[field - 1] = value;
    } else if (tag === ((contentField << 3) | lengthDelimited) && position + value <= encoded.length) {
      content = encoded.subarray(position, position + value);
      position += value;
    } else {
      throw new Error(`not a frame: unexpected tag ${tag} at byte ${position}`);
    }
  }
  const [operation, tag, offset, total] = fields as [number, number, number, number];
  return { operation, tag, offset, total, content };
}

/** The service as the hub serves it: the generated one with this decoder for the frames. */
export const peerLinkDefinition = {
  send: { ...peer.PeerLinkService.send, requestDeserialize: decodeFrame },
} as const;

/** The position behind the number. */
function writeVarint(memory: Buffer, { value, at }: { value: number; at: number }): number {
  let rest = value;
  let position = at;
  while (rest > 127) {
    memory[position++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  memory[position++] = rest;
  return position;
}

function readVarint(encoded: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  let scale = 1;
  for (let position = at; position < encoded.length; position++) {
    const byte = encoded[position]!;
    value += (byte & 127) * scale;
    if (!Number.isSafeInteger(value)) throw new Error('not a frame: a number is too large');
    if (byte < 128) return [value, position + 1];
    scale *= 128;
  }
  throw new Error('not a frame: it ends within a number');
}
