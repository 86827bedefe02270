/** The record of a packed dataset: which samples there are, and where their bytes lie. Content-addressed, deterministic. */
import type { DatasetFormat, Split } from '@triptych/protocol';

/** The part of an artifact store that datasets need; `@triptych/storage` fits it. */
export interface ArtifactStoreLike {
  put(content: Uint8Array): Promise<{ sha256: string; bytes: number }>;
  /** The whole artifact, verified against its hash. */
  get(sha256: string): Promise<Uint8Array>;
  read(sha256: string, options?: { offset?: number; length?: number }): AsyncIterable<Uint8Array>;
}

export interface ManifestSample {
  /** Path of the image relative to the dataset's folder, with `/`; unique in the manifest. */
  readonly id: string;
  readonly split: Split;
  /** Index into `packs`. */
  readonly pack: number;
  /** Bytes from the start of the pack. */
  readonly offset: number;
  readonly length: number;
  /** At least one, none empty. */
  readonly captions: string[];
  /** Index into `classNames`; absent where the format carries no class. */
  readonly classIndex?: number;
}

export interface DatasetManifest {
  readonly version: 1;
  /** The format that was read, never `auto`. */
  readonly format: DatasetFormat;
  readonly classNames: string[];
  readonly packs: { readonly sha256: string; readonly bytes: number }[];
  /** Ordered by split (train, validation, test), then by id. */
  readonly samples: ManifestSample[];
}
