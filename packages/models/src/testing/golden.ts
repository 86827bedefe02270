/** Golden cases: inputs and results of the reference implementation, and the way to compare with them. */
import { fileURLToPath } from 'node:url';
import { compare, GoldenCase as GoldenFolder, type SafetensorsFile, type Tolerance } from '@triptych/nn';
import { expect } from 'vitest';
import { type ClipConfig, parseConfig } from '../catalog/clip-config.ts';

export interface GoldenCase {
  readonly config: unknown;
  readonly weights: SafetensorsFile;
  input(name: string): { readonly shape: readonly number[]; float32(): Float32Array };
  /** Whether something of that name is expected. */
  has(name: string): boolean;
  expected(name: string): Float32Array;
}

/** A case of any architecture. */
export function openCase(name: string): GoldenCase {
  const files = new GoldenFolder(fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url)));
  const inputs = files.tensors('inputs.safetensors').tensors;
  const expected = files.tensors('expected.safetensors').tensors;
  return {
    config: files.config,
    weights: files.weights,
    input: (tensor) => inputs.get(tensor)!,
    has: (tensor) => expected.has(tensor),
    expected: (tensor) => expected.get(tensor)!.float32(),
  };
}

export interface Golden extends Omit<GoldenCase, 'config' | 'input' | 'has'> {
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

/** max|actual - expected| <= relative * max|expected| + absolute, over the whole tensor. */
export function expectTensor(
  what: string,
  actual: ArrayLike<number>,
  expected: Float32Array,
  tolerance: Tolerance,
): void {
  expect(actual.length, what).toBe(expected.length);
  const { largestAbsolute, allowed } = compare(actual, expected, tolerance);
  expect(largestAbsolute, `${what}: largest difference`).toBeLessThanOrEqual(allowed);
}

/** Bit for bit; `toEqual` takes a second for a quarter of a million numbers. */
export const sameBits = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
