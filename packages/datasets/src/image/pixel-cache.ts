import type { Dataset } from '../pack/dataset.ts';
import type { ImageTransform } from './transform.ts';

export class PixelCache {
  constructor(_options: { dataset: Dataset; transform: ImageTransform; maxBytes: number }) {}
  /** RGB bytes HWC of one sample; shared, do not write to it. */
  pixels(_index: number): Promise<Uint8Array> {
    throw new Error('not yet');
  }
}
