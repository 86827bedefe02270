import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from './in-memory.ts';

/** Written by the Python package (safetensors.torch.save_file). */
const reference = new Uint8Array(
  readFileSync(new URL('../fixtures/cross-attention.safetensors', import.meta.url)),
);

it('writes a file of the Python package back byte for byte, whatever the order', () => {
  const { metadata, tensors } = readSafetensors(reference);
  const shuffled = [...tensors].reverse();
  const again = writeSafetensors(
    shuffled.map(([name, { shape, float32 }]) => ({ name, shape, data: float32() })),
    metadata,
  );
  expect(Buffer.compare(again, reference)).toBe(0);
});

it('reads at any alignment', () => {
  const shifted = new Uint8Array(reference.length + 1);
  shifted.set(reference, 1);
  const there = readSafetensors(shifted.subarray(1)).tensors;
  for (const [name, tensor] of readSafetensors(reference).tensors) {
    expect(there.get(name)!.float32()).toStrictEqual(tensor.float32());
  }
});

it.each([
  ['F16', [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c], [1, -2, 2 ** -24, Number.POSITIVE_INFINITY]],
  ['BF16', [0x80, 0x3f, 0x00, 0xc0, 0x49, 0x40, 0x00, 0x00], [1, -2, 3.140625, 0]],
  ['I64', [5, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255], [5, -1]],
  ['F64', [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], [1.5]],
  ['BOOL', [1, 0], [1, 0]],
])('converts %s', (dtype, bytes, expected) => {
  const entry = { dtype, shape: [expected.length], data_offsets: [0, bytes.length] };
  const tensor = readSafetensors(fileOf({ x: entry }, bytes)).tensors.get('x')!;
  expect([...tensor.float32()]).toEqual(expected);
});

it.each([
  ['a file that is too short', new Uint8Array(3), 'too few'],
  ['a header longer than the file', Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0, 1), 'claims 99 bytes'],
  ['a header that is not JSON', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0x7b), 'not JSON'],
  ['an unknown dtype', fileOf({ x: { dtype: 'F8', shape: [1], data_offsets: [0, 1] } }, [0]), 'dtype "F8"'],
  [
    'a shape that is none',
    fileOf({ x: { dtype: 'U8', shape: [-1], data_offsets: [0, 1] } }, [0]),
    'instead of "-1"',
  ],
  [
    'offsets beyond the end',
    fileOf({ x: { dtype: 'U8', shape: [2], data_offsets: [0, 2] } }, [0]),
    'cut off',
  ],
  [
    'offsets of another size',
    fileOf({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, [0, 0, 0, 0]),
    '8',
  ],
])('refuses %s', (_what, file, message) => {
  expect(() => readSafetensors(file)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  expect(() => readSafetensors(file)).toThrow(message);
});

it('refuses to write numbers that do not fill the shape, and names used twice', () => {
  const x = { name: 'x', shape: [2], data: Float32Array.of(1, 2) };
  expect(() => writeSafetensors([{ ...x, shape: [3] }])).toThrow('2 numbers for shape [3]');
  expect(() => writeSafetensors([x, x])).toThrow('used twice');
});

function fileOf(header: object, content: readonly number[]): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + content.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(content, 8 + json.length);
  return file;
}
