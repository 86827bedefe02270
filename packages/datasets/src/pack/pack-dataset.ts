/**
 * From a folder in a known layout to content-addressed packs and a manifest. The same files give the same hashes, on any machine:
 * order is decided by split and path, never by the file system or by time.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetFormat, type SplitSummary, TriptychError } from '@triptych/protocol';
import type { FormatName } from '../formats/format.ts';
import { readerFor } from '../formats/registry.ts';
import { inOrder } from './in-order.ts';
import type { ArtifactStoreLike, DatasetManifest, ManifestSample } from './manifest.ts';
import { PackWriter } from './pack-writer.ts';
import { type Problem, ProblemLog } from './problems.ts';
import { inManifestOrder, requireSome, splitOrder, withHeldOut, withoutDuplicates } from './splits.ts';
import { survey, type UsableSample } from './survey.ts';

export interface PackProgress {
  /** `check` decodes every image, `pack` copies the usable ones to the store. */
  readonly phase: 'check' | 'pack';
  readonly done: number;
  readonly total: number;
}

export interface PackedDataset {
  readonly manifest: DatasetManifest;
  /** Of the manifest's JSON in the store: what names this dataset. */
  readonly sha256: string;
  /** Of packs and manifest together. */
  readonly bytes: number;
  /** The splits that have images. */
  readonly splits: SplitSummary[];
  /** What was found wrong. Broken samples are left out; the dataset is usable without them. */
  readonly problems: Problem[];
}

/** Image files read ahead while one is written. */
const READ_AHEAD = 8;

/**
 * Throws INVALID_INPUT (no such path or format), DATASET_INVALID (unknown layout, nothing usable, a file that changes meanwhile),
 * the signal's reason, and what the store throws.
 */
export async function packDataset(options: {
  path: string;
  format: DatasetFormat;
  store: ArtifactStoreLike;
  signal?: AbortSignal;
  onProgress?: (progress: PackProgress) => void;
}): Promise<PackedDataset> {
  const { path, store, signal, onProgress } = options;
  const problems = new ProblemLog();
  const reader = await readerFor(path, options.format);
  const listed = inManifestOrder(await reader.read(path, problems));
  requireSome(listed, path, problems);
  const onDone = (done: number) => onProgress?.({ phase: 'check', done, total: listed.length });
  const usable = await survey(path, listed, { problems, signal, onDone });
  requireSome(usable, path, problems);
  const samples = inManifestOrder(withHeldOut(withoutDuplicates(usable, problems), problems));

  const manifest = await writePacks({ ...options, samples, format: reader.name });
  const stored = await store.put(new TextEncoder().encode(JSON.stringify(manifest)));
  const bytes = manifest.packs.reduce((sum, pack) => sum + pack.bytes, stored.bytes);
  return { manifest, sha256: stored.sha256, bytes, splits: summarise(manifest), problems: problems.list() };
}

async function writePacks(options: {
  path: string;
  format: FormatName;
  samples: readonly UsableSample[];
  store: ArtifactStoreLike;
  signal?: AbortSignal;
  onProgress?: (progress: PackProgress) => void;
}): Promise<DatasetManifest> {
  const { path, format, samples, store, signal, onProgress } = options;
  const classNames = [...new Set(samples.flatMap(({ className }) => className ?? []))].sort();
  const classIndexOf = new Map(classNames.map((name, index) => [name, index]));
  const writer = new PackWriter(store);
  const entries: ManifestSample[] = [];
  const read = async (sample: UsableSample) => ({ sample, file: await readUnchanged(path, sample) });
  for await (const { sample, file } of inOrder(samples, read, { width: READ_AHEAD, signal })) {
    const { id, split, captions, className } = sample;
    const classIndex = className === undefined ? {} : { classIndex: classIndexOf.get(className) as number };
    entries.push({ id, split, ...(await writer.add(file)), captions, ...classIndex });
    onProgress?.({ phase: 'pack', done: entries.length, total: samples.length });
  }
  await writer.finish();
  return { version: 1, format, classNames, packs: writer.packs, samples: entries };
}

async function readUnchanged(folder: string, { id, sha256 }: UsableSample): Promise<Uint8Array> {
  const file = await readFile(join(folder, id));
  if (createHash('sha256').update(file).digest('hex') !== sha256)
    throw new TriptychError(
      'DATASET_INVALID',
      `"${id}" changed while the dataset was read; try again when it is complete`,
    );
  return file;
}

function summarise(manifest: DatasetManifest): SplitSummary[] {
  return splitOrder
    .map((split) => {
      const samples = manifest.samples.filter((sample) => sample.split === split);
      const captions = samples.reduce((sum, sample) => sum + sample.captions.length, 0);
      const classes = new Set(samples.flatMap(({ classIndex }) => classIndex ?? [])).size;
      return { split, images: samples.length, captions, classes };
    })
    .filter(({ images }) => images > 0);
}
