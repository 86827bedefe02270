/** Golden cases of the reference implementations: this package's own, and the CLIP models of packages/models. */
import { readFileSync } from 'node:fs';
import { readSafetensors, type SafetensorsFile } from '@triptych/nn';
import { expect } from 'vitest';

const folders = {
  contrastive: '../../fixtures/contrastive/',
  'clip-trajectory': '../../fixtures/clip-trajectory/',
  'clip-gelu': '../../../models/fixtures/clip-gelu/',
  'clip-quickgelu': '../../../models/fixtures/clip-quickgelu/',
} as const;
export type GoldenCase = keyof typeof folders;

export function goldenTensors(name: GoldenCase, file: string): SafetensorsFile {
  return readSafetensors(read(name, `${file}.safetensors`));
}

export const goldenJson = (name: GoldenCase, file: string): unknown =>
  JSON.parse(new TextDecoder().decode(read(name, `${file}.json`)));

const read = (name: GoldenCase, file: string) =>
  new Uint8Array(readFileSync(new URL(folders[name] + file, import.meta.url)));

/** max|actual - expected| <= relative * max|expected| + absolute, over the whole tensor. */
export function expectTensor(
  what: string,
  actual: ArrayLike<number>,
  { expected, relative, absolute }: { expected: Float32Array; relative: number; absolute: number },
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
