/** Golden cases: inputs and results of the reference implementation, and the way to compare with them. */
import { readFileSync } from 'node:fs';
import { readSafetensors, type SafetensorsFile } from '@triptych/nn';
import { expect } from 'vitest';
import { type ClipConfig, parseConfig } from '../catalog/clip-config.ts';

export interface GoldenCase {
  readonly config: unknown;
  readonly weights: SafetensorsFile;
  input(name: string): { readonly shape: readonly number[]; float32(): Float32Array };
  expected(name: string): Float32Array;
}

/** A case of any architecture. */
export function openCase(name: string): GoldenCase {
  const read = (file: string) =>
    new Uint8Array(readFileSync(new URL(`../../fixtures/${name}/${file}`, import.meta.url)));
  const inputs = readSafetensors(read('inputs.safetensors')).tensors;
  const expected = readSafetensors(read('expected.safetensors')).tensors;
  return {
    config: JSON.parse(new TextDecoder().decode(read('config.json'))),
    weights: readSafetensors(read('model.safetensors')),
    input: (tensor) => inputs.get(tensor)!,
    expected: (tensor) => expected.get(tensor)!.float32(),
  };
}

export interface Golden extends Omit<GoldenCase, 'config' | 'input'> {
  readonly config: ClipConfig;
  readonly pixels: Float32Array;
  readonly ids: Int32Array;
  readonly batch: number;
}

/** A case of CLIP. */
export function openGolden(name: string): Golden {
  const { config, input, ...rest } = openCase(name);
  const ids = input('input_ids');
  return {
    ...rest,
    config: parseConfig(config),
    pixels: input('pixel_values').float32(),
    ids: Int32Array.from(ids.float32()),
    batch: ids.shape[0]!,
  };
}

export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** max|actual - expected| <= relative * max|expected| + absolute, over the whole tensor. */
export function expectTensor(
  what: string,
  actual: ArrayLike<number>,
  expected: Float32Array,
  { relative, absolute }: Tolerance,
): void {
  expect(actual.length, what).toBe(expected.length);
  let difference = 0;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs(actual[i]! - value));
    largest = Math.max(largest, Math.abs(value));
  }
  expect(difference, `${what}: largest difference, of ${largest}`).toBeLessThanOrEqual(
    relative * largest + absolute,
  );
}

/** Bit for bit; `toEqual` takes a second for a quarter of a million numbers. */
export const sameBits = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
