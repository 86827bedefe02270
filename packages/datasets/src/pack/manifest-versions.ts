/** Manifests of every release, read as the newest version. Stored ones are never rewritten: their hash names the dataset. */
import { type Split, TriptychError } from '@triptych/protocol';
import type { DatasetManifest } from './manifest.ts';

/** What version 1 said: a sample was one image file with captions. */
export interface ManifestVersion1 {
  readonly version: 1;
  readonly format: string;
  readonly classNames: readonly string[];
  readonly packs: readonly { readonly sha256: string; readonly bytes: number }[];
  readonly samples: readonly {
    readonly id: string;
    readonly split: Split;
    readonly pack: number;
    readonly offset: number;
    readonly length: number;
    readonly captions: readonly string[];
    readonly classIndex?: number;
  }[];
}

/** Sample i keeps its position, so that a run that was begun before goes on with the same batches; its image is image i. */
export function upgradeManifest({ samples, ...rest }: ManifestVersion1): DatasetManifest {
  return {
    ...rest,
    version: 2,
    images: samples.map(({ pack, offset, length }) => ({ pack, offset, length })),
    samples: samples.map(({ id, split, captions, classIndex }, image) => ({
      id,
      split,
      images: [image],
      content: { kind: 'captions', texts: captions },
      ...(classIndex === undefined ? {} : { classIndex }),
    })),
  };
}

/** Throws DATASET_INVALID where the content of the artifact is no manifest. */
export function parseManifest(content: Uint8Array, sha256: string): DatasetManifest {
  try {
    const manifest = JSON.parse(new TextDecoder().decode(content)) as DatasetManifest | ManifestVersion1;
    if (manifest.version === 2) return manifest;
    if (manifest.version === 1) return upgradeManifest(manifest);
  } catch {
    // Reported below: an artifact that is no JSON is as wrong as one of another kind.
  }
  throw new TriptychError(
    'DATASET_INVALID',
    `Artifact ${sha256} is not a dataset manifest of version 1 or 2; register the dataset again`,
  );
}
