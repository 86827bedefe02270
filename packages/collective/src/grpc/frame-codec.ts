/**
 * `triptych.v1.Frame` on the wire, for tensor bytes: the same protobuf encoding as the generated codec, with one copy
 * less on either side (decoding copies nothing: the content is a view of what was received).
 */
import { peer } from '@triptych/protocol';
import type { Frame } from '../frame.ts';

/** Tag and varint of operation, tag, offset, total; tag and length of the content. */
const maxHeaderBytes = 2 * 6 + 2 * 11 + 6;
const contentField = 5;
const lengthDelimited = 2;

const header = Buffer.alloc(maxHeaderBytes);

export function encodeFrame(frame: Frame): Buffer {
  let end = 0;
  const fields = [frame.operation, frame.tag, frame.offset, frame.total];
  for (const [index, value] of fields.entries()) {
    if (value === 0) continue;
    header[end++] = (index + 1) << 3;
    end = writeVarint(value, end);
  }
  const { content } = frame;
  if (content.byteLength > 0) {
    header[end++] = (contentField << 3) | lengthDelimited;
    end = writeVarint(content.byteLength, end);
  }
  const encoded = Buffer.allocUnsafe(end + content.byteLength);
  encoded.set(header.subarray(0, end));
  encoded.set(content, end);
  return encoded;
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

/** The service as the hub serves it and the links call it: the generated one with this codec for the frames. */
export const peerLinkDefinition = {
  send: {
    ...peer.PeerLinkService.send,
    requestSerialize: encodeFrame,
    requestDeserialize: decodeFrame,
  },
} as const;

function writeVarint(value: number, at: number): number {
  let rest = value;
  let position = at;
  while (rest > 127) {
    header[position++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  header[position++] = rest;
  return position;
}

function readVarint(encoded: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  let scale = 1;
  for (let position = at; position < encoded.length; position++) {
    const byte = encoded[position]!;
    value += (byte & 127) * scale;
    if (byte < 128) return [value, position + 1];
    scale *= 128;
  }
  throw new Error('not a frame: it ends within a number');
}
