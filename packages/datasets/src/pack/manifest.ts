/** The record of a packed dataset: which samples there are, and where their images lie. Content-addressed, deterministic. */
import type { Split } from '@triptych/protocol';
import type { Content } from '../content.ts';

/** The part of an artifact store that datasets need; `@triptych/storage` fits it. */
export interface ArtifactStoreLike {
  put(content: Uint8Array): Promise<{ sha256: string; bytes: number }>;
  /** The whole artifact, verified against its hash. */
  get(sha256: string): Promise<Uint8Array>;
  read(sha256: string, options?: { offset?: number; length?: number }): AsyncIterable<Uint8Array>;
}

export interface ManifestImage {
  /** Index into `packs`. */
  readonly pack: number;
  /** Bytes from the start of the pack. */
  readonly offset: number;
  readonly length: number;
  /** Of the image file, hex; absent in what was a manifest of version 1. */
  readonly sha256?: string;
}

export interface ManifestSample {
  /** Unique in the manifest. */
  readonly id: string;
  readonly split: Split;
  /** Indices into the manifest's `images`, in the order in which the content speaks of them. */
  readonly images: readonly number[];
  readonly content: Content;
  /** Index into `classNames`; absent where the format carries no class. */
  readonly classIndex?: number;
}

export interface DatasetManifest {
  readonly version: 2;
  /** Name of the format that was read, never `auto`. */
  readonly format: string;
  readonly classNames: readonly string[];
  readonly packs: readonly { readonly sha256: string; readonly bytes: number }[];
  /** Each content once, in the order in which the samples first use it. */
  readonly images: readonly ManifestImage[];
  /** Ordered by split (train, validation, test), then by id. */
  readonly samples: readonly ManifestSample[];
}
