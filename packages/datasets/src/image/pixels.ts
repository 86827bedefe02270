import type { Dataset } from '../pack/dataset.ts';
import type { ImageTransform } from './transform.ts';

export async function pixels(
  _dataset: Dataset,
  _index: number,
  _transform: ImageTransform,
): Promise<Uint8Array> {
  throw new Error('not yet');
}
export function normalise(
  _pixels: Uint8Array,
  _transform: ImageTransform,
  _out: Float32Array,
  _offset: number,
): void {
  throw new Error('not yet');
}
