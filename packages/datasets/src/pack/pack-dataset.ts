import type { DatasetFormat, SplitSummary } from '@triptych/protocol';
import type { ArtifactStoreLike, DatasetManifest } from './manifest.ts';
import type { Problem } from './problems.ts';

export interface PackProgress {
  readonly done: number;
  readonly total: number;
}

export interface PackedDataset {
  readonly manifest: DatasetManifest;
  /** Hash and size of the manifest's JSON in the store; `bytes` counts packs and manifest. */
  readonly sha256: string;
  readonly bytes: number;
  readonly splits: SplitSummary[];
  readonly problems: Problem[];
}

export async function packDataset(_options: {
  path: string;
  format: DatasetFormat;
  store: ArtifactStoreLike;
  signal?: AbortSignal;
  onProgress?: (progress: PackProgress) => void;
}): Promise<PackedDataset> {
  throw new Error('not yet');
}
