/** The golden case in ../fixtures: results of CLIP_benchmark and scikit-learn. */
import { readFileSync } from 'node:fs';

const file = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

export const expected = JSON.parse(file('expected.json').toString());

const bytes = file('inputs.safetensors');
const headerLength = Number(bytes.readBigUInt64LE(0));
const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));

function slice(name: string): ArrayBuffer {
  const [start, end] = header[name].data_offsets;
  return new Uint8Array(bytes.subarray(8 + headerLength + start, 8 + headerLength + end)).buffer;
}

export const floats = (name: string): Float32Array => new Float32Array(slice(name));
export const integers = (name: string): Int32Array =>
  Int32Array.from(new BigInt64Array(slice(name)), (value) => Number(value));
