/**
 * From a source in a known layout to content-addressed packs and a manifest. The same files give the same hashes, on any machine:
 * order is decided by split and id, never by the file system or by time.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { invalidInput, type SplitSummary, TriptychError } from '@triptych/protocol';
import type { DatasetReader } from '../formats/format.ts';
import { type Chosen, formatViolations, readerFor } from '../formats/registry.ts';
import { type SourceSample, sampleFault } from '../sample.ts';
import { folderSource } from '../source/folder-source.ts';
import type { Source } from '../source/source.ts';
import { countedSource } from './counted-source.ts';
import { reportConflicts, withoutDuplicates } from './duplicates.ts';
import { withHeldOut } from './held-out.ts';
import { inOrder } from './in-order.ts';
import type { ArtifactStoreLike, DatasetManifest, ManifestImage, ManifestSample } from './manifest.ts';
import { PackWriter } from './pack-writer.ts';
import { type Problem, ProblemLog } from './problems.ts';
import { reportRemarks } from './remarks.ts';
import { Scratch } from './scratch.ts';
import { inManifestOrder, requireSome } from './splits.ts';
import { splitSummaries } from './summary.ts';
import { readImage, survey, type UsableImage, type UsableSample } from './survey.ts';

export interface PackProgress {
  /** `read` reads lists and archives, `check` decodes every image, `pack` copies the usable ones to the store. */
  readonly phase: 'read' | 'check' | 'pack';
  /** Bytes for `read`, images otherwise. */
  readonly done: number;
  /** As far as it is known yet. */
  readonly total: number;
  /** Found so far. */
  readonly samples: number;
}

export interface PackedDataset {
  readonly manifest: DatasetManifest;
  /** Of the manifest's JSON in the store: what names this dataset. */
  readonly sha256: string;
  /** Of packs and manifest together. */
  readonly bytes: number;
  /** The splits that have samples. */
  readonly splits: SplitSummary[];
  /** What was found wrong. Broken samples are left out; the dataset is usable without them. */
  readonly problems: Problem[];
  /** Why the manifest's format was taken, in words that follow "because". */
  readonly recognised: string;
}

interface PackOptions {
  readonly store: ArtifactStoreLike;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
  /** A folder with room for images that lie inside other files; default: the system's for temporary files. */
  readonly scratch?: string | undefined;
}

/** Image files read ahead while one is written. */
const READ_AHEAD = 8;
/** Samples between two reports of progress. */
const REPORTED = 1000;

/**
 * A folder, in the format of that name or in the one that `auto` finds; links may lead into `roots`, too. Throws INVALID_INPUT (no such
 * path or format), DATASET_INVALID (unknown layout, nothing usable, a file that changes meanwhile), the signal's reason, and what
 * the store throws.
 */
export async function packDataset(
  options: PackOptions & { path: string; format: string; roots?: readonly string[] },
): Promise<PackedDataset> {
  const { path, format, signal, roots } = options;
  await assertReadable(path, format);
  const problems = new ProblemLog();
  const source = folderSource(path, { problems, signal, roots });
  const chosen = await readerFor(source, format);
  return packSource({ ...options, ...chosen, name: path, source, problems });
}

/** As `packDataset`, from any source with any reader; `name` stands for the source in messages. */
export async function packSource(
  options: PackOptions & Chosen & { name: string; source: Source; problems: ProblemLog },
): Promise<PackedDataset> {
  const scratch = new Scratch(options.scratch);
  try {
    return await packWith(scratch, options);
  } finally {
    await scratch.close();
  }
}

async function packWith(
  scratch: Scratch,
  options: PackOptions & Chosen & { name: string; source: Source; problems: ProblemLog },
): Promise<PackedDataset> {
  const { name, source, problems, store, signal, onProgress } = options;
  const listed = inManifestOrder(await soundSamples(scratch, options));
  requireSome(listed, name, problems);
  const onDone = (done: number, total: number) =>
    onProgress?.({ phase: 'check', done, total, samples: listed.length });
  const usable = await survey(source, listed, { problems, signal, onDone });
  requireSome(usable, name, problems);
  const distinct = withoutDuplicates(usable, problems);
  reportConflicts(distinct, problems);
  const samples = inManifestOrder(withHeldOut(distinct, problems));

  const manifest = await writePacks({ ...options, samples });
  const stored = await store.put(encoded(manifest, name));
  const bytes = manifest.packs.reduce((sum, pack) => sum + pack.bytes, stored.bytes);
  return {
    manifest,
    sha256: stored.sha256,
    bytes,
    splits: splitSummaries(manifest),
    problems: problems.list(),
    recognised: options.reason,
  };
}

function encoded(manifest: DatasetManifest, name: string): Uint8Array {
  try {
    return new TextEncoder().encode(JSON.stringify(manifest));
  } catch (cause) {
    // The engine's longest text is half a gigabyte.
    throw new TriptychError(
      'DATASET_INVALID',
      `"${name}" has ${manifest.samples.length} samples whose texts are too long for one manifest; expected less than 500 MB of text; register it in parts`,
      { cause },
    );
  }
}

async function assertReadable(path: string, format: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const violations = formatViolations(format);
  if (!found?.isDirectory())
    violations.unshift({
      path: '/path',
      expected: 'a folder',
      actual: found ? `"${path}", which is a file` : `"${path}", which does not exist`,
      remedy: 'give the path as the server sees it',
    });
  if (violations.length > 0) throw invalidInput('dataset', violations);
}

/** What a reader yields, without what no consumer could use. */
async function soundSamples(
  scratch: Scratch,
  at: PackOptions & { reader: DatasetReader; source: Source; problems: ProblemLog },
): Promise<SourceSample[]> {
  const { reader, problems, signal, onProgress } = at;
  const sound: SourceSample[] = [];
  const ids = new Set<string>();
  let [done, total] = [0, 0];
  const report = () =>
    onProgress?.({ phase: 'read', done, total: Math.max(done, total), samples: sound.length });
  const source = countedSource(at.source, (bytes) => {
    done += bytes;
    signal?.throwIfAborted();
  });
  const keep = async (path: string, bytes: Uint8Array) => ({ path, read: await scratch.keep(bytes) });
  const expect = (bytes: number) => {
    total += bytes;
  };
  for await (const sample of reader.read(source, { problems, keep, expect })) {
    signal?.throwIfAborted();
    const fault = sampleFault(sample);
    if (fault !== undefined) problems.add('malformed-sample', `${sample.id}: ${fault}`);
    else if (ids.has(sample.id)) problems.add('repeated-id', sample.id);
    else {
      reportRemarks(sample, problems);
      sound.push(sample);
    }
    ids.add(sample.id);
    if (ids.size % REPORTED === 0) report();
  }
  report();
  return sound;
}

async function writePacks(
  options: PackOptions & { reader: DatasetReader; source: Source; samples: readonly UsableSample[] },
): Promise<DatasetManifest> {
  const { source, reader, samples, store, signal, onProgress } = options;
  const classNames = [...new Set(samples.flatMap(({ className }) => className ?? []))].sort();
  const classIndexOf = new Map(classNames.map((name, index) => [name, index]));
  const positions = new Map<string, number>();
  const files: UsableImage[] = [];
  for (const image of samples.flatMap((sample) => sample.images))
    if (!positions.has(image.sha256)) positions.set(image.sha256, files.push(image) - 1);

  const writer = new PackWriter(store);
  const images: ManifestImage[] = [];
  const read = async (image: UsableImage) => ({ image, file: await readUnchanged(source, image) });
  for await (const { image, file } of inOrder(files, read, { width: READ_AHEAD, signal })) {
    images.push({ ...(await writer.add(file)), sha256: image.sha256 });
    onProgress?.({ phase: 'pack', done: images.length, total: files.length, samples: samples.length });
  }
  await writer.finish();

  const entries = samples.map(({ id, split, images, content, className }): ManifestSample => {
    const classIndex = className === undefined ? {} : { classIndex: classIndexOf.get(className) as number };
    const shown = images.map(({ sha256 }) => positions.get(sha256) as number);
    return { id, split, images: shown, content, ...classIndex };
  });
  return { version: 2, format: reader.name, classNames, packs: writer.packs, images, samples: entries };
}

async function readUnchanged(source: Source, image: UsableImage): Promise<Uint8Array> {
  const file = await readImage(source, image).catch(() => new Uint8Array());
  if (createHash('sha256').update(file).digest('hex') !== image.sha256)
    throw new TriptychError(
      'DATASET_INVALID',
      `"${image.path}" changed while the dataset was read; try again when it is complete`,
    );
  return file;
}
