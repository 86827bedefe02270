/** Reading a packed dataset from an artifact store. */
import assert from 'node:assert';
import type { Split } from '@triptych/protocol';
import type { ArtifactStoreLike, DatasetManifest, ManifestImage } from './manifest.ts';
import { parseManifest } from './manifest-versions.ts';

export interface Dataset {
  readonly manifest: DatasetManifest;
  /** Positions in `manifest.samples` of the split's samples, ascending. */
  indices(split: Split): Int32Array;
  /**
   * The file of the image at `position` in `manifest.images`, as it was on disk; possibly a view of a larger buffer. Throws what the
   * store throws.
   */
  image(position: number): Promise<Uint8Array>;
  /** A name of that image that changes with its bytes; in other datasets the same bytes may be called otherwise. */
  imageKey(position: number): string;
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
  const imageAt = (position: number): ManifestImage => {
    const image = manifest.images[position];
    assert(image, `image ${position} of ${manifest.images.length}`);
    return image;
  };
  return {
    manifest,
    indices: (split) =>
      Int32Array.from(manifest.samples.flatMap((sample, index) => (sample.split === split ? [index] : []))),
    async image(position) {
      const image = imageAt(position);
      return (await readerOf(image.pack))(image);
    },
    imageKey(position) {
      const { sha256, pack, offset, length } = imageAt(position);
      return sha256 ?? `${manifest.packs[pack]?.sha256}:${offset}+${length}`;
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
