import type { Split } from '@triptych/protocol';
import type { ArtifactStoreLike, DatasetManifest } from './manifest.ts';

export interface Dataset {
  readonly manifest: DatasetManifest;
  /** Positions in `manifest.samples` of the split's samples, ascending. */
  indices(split: Split): Int32Array;
  /** The image file's bytes, as they were on disk. */
  image(index: number): Promise<Uint8Array>;
}

export async function openDataset(_store: ArtifactStoreLike, _manifestSha256: string): Promise<Dataset> {
  throw new Error('not yet');
}
