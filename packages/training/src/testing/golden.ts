/** Golden cases of the reference implementations: this package's own, and the CLIP models of packages/models. */
import { fileURLToPath } from 'node:url';
import { compare, GoldenCase as GoldenFolder, type SafetensorsFile, type Tolerance } from '@triptych/nn';
import { expect } from 'vitest';

const folders = {
  contrastive: '../../fixtures/contrastive/',
  'clip-trajectory': '../../fixtures/clip-trajectory/',
  'clip-gelu': '../../../models/fixtures/clip-gelu/',
  'clip-quickgelu': '../../../models/fixtures/clip-quickgelu/',
} as const;
export type GoldenCase = keyof typeof folders;

export function goldenTensors(name: GoldenCase, file: string): SafetensorsFile {
  return folderOf(name).tensors(`${file}.safetensors`);
}

export const goldenJson = (name: GoldenCase, file: string): unknown => folderOf(name).json(`${file}.json`);

const folderOf = (name: GoldenCase) =>
  new GoldenFolder(fileURLToPath(new URL(folders[name], import.meta.url)));

/** max|actual - expected| <= relative * max|expected| + absolute, over the whole tensor. */
export function expectTensor(
  what: string,
  actual: ArrayLike<number>,
  { expected, ...tolerance }: { expected: Float32Array } & Tolerance,
): void {
  expect(actual.length, what).toBe(expected.length);
  const { largestAbsolute, allowed } = compare(actual, expected, tolerance);
  expect(largestAbsolute, `${what}: largest difference`).toBeLessThanOrEqual(allowed);
}
