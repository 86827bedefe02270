/** Reading a packed dataset from an artifact store. */
import { type Split, TriptychError } from '@triptych/protocol';
import type { ArtifactStoreLike, DatasetManifest, ManifestSample } from './manifest.ts';

export interface Dataset {
  readonly manifest: DatasetManifest;
  /** Positions in `manifest.samples` of the split's samples, ascending. */
  indices(split: Split): Int32Array;
  /** The image file's bytes, as they were on disk; possibly a view of a larger buffer. Throws what the store throws. */
  image(index: number): Promise<Uint8Array>;
}

/** Packs up to this many bytes together stay in memory; of further ones only ranges are read. */
const RESIDENT_BYTES = 256 * 1024 * 1024;

/** Fetches the manifest only; packs come with the first image that is asked of them. */
export async function openDataset(store: ArtifactStoreLike, manifestSha256: string): Promise<Dataset> {
  const manifest = parseManifest(await store.get(manifestSha256), manifestSha256);
  const readers = new Map<number, Promise<PackReader>>();
  let resident = 0;
  const readerOf = (pack: number): Promise<PackReader> => {
    const known = readers.get(pack);
    if (known) return known;
    const { sha256, bytes } = manifest.packs[pack] as DatasetManifest['packs'][number];
    const keep = resident + bytes <= RESIDENT_BYTES;
    if (keep) resident += bytes;
    const opening = openPack(store, { sha256, keep });
    readers.set(pack, opening);
    opening.catch(() => {
      readers.delete(pack);
      if (keep) resident -= bytes;
    });
    return opening;
  };
  return {
    manifest,
    indices: (split) =>
      Int32Array.from(manifest.samples.flatMap((sample, index) => (sample.split === split ? [index] : []))),
    async image(index) {
      const sample = manifest.samples[index] as ManifestSample;
      return (await readerOf(sample.pack))(sample);
    },
  };
}

type PackReader = (place: { offset: number; length: number }) => Uint8Array | Promise<Uint8Array>;

/** Gets the whole pack in either case: that verifies its hash and lets a caching store keep it near. */
async function openPack(
  store: ArtifactStoreLike,
  { sha256, keep }: { sha256: string; keep: boolean },
): Promise<PackReader> {
  const pack = await store.get(sha256);
  if (keep) return ({ offset, length }) => pack.subarray(offset, offset + length);
  return async (place) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read(sha256, place)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
}

function parseManifest(content: Uint8Array, sha256: string): DatasetManifest {
  try {
    const manifest = JSON.parse(new TextDecoder().decode(content)) as DatasetManifest;
    if (manifest.version === 1) return manifest;
  } catch {
    // Reported below: an artifact that is no JSON is as wrong as one of another kind.
  }
  throw new TriptychError(
    'DATASET_INVALID',
    `Artifact ${sha256} is not a dataset manifest of version 1; register the dataset again`,
  );
}
