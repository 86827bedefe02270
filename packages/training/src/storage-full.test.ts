/** A volume without room under the real training: it waits, says why, goes on, and ends with the same weights. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@triptych/nn';
import {
  type ArtifactStore,
  boundedStore,
  cachedStore,
  folderStore,
  memoryStore,
  patientStore,
  storageFull,
} from '@triptych/storage';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { TrainerEvent } from './events.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from './testing/tiny-run.ts';

const spec = tinySpec({ checkpoint: { everySteps: 1 }, evaluation: { tasks: [] } });
const SIZE_MIB = 64;

const source = memoryStore();
let datasetManifest: string;
let undisturbed: string;
let folder: string;
let isMounted = false;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(source);
  const [events] = await runAll({ spec, store: source, datasetManifest });
  undisturbed = modelOf(events!).weightsSha256;
  folder = mkdtempSync(join(tmpdir(), 'full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'tmpfs', folder], { stdio: 'pipe' });
    isMounted = true;
  } catch (error) {
    const [why] = String((error as { stderr?: Buffer }).stderr ?? error).split('\n');
    process.stdout.write(
      `No file system can be mounted (${why}): a store that says it is full takes its place\n`,
    );
  }
});
afterAll(() => {
  if (isMounted) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});

let full = false;
beforeEach(() => {
  full = false;
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
});

/** Not a block is left. */
function fill(): void {
  full = true;
  if (!isMounted) return;
  try {
    writeFileSync(join(folder, 'filler'), Buffer.alloc(SIZE_MIB * 2 ** 20));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function makeRoom(): void {
  full = false;
  rmSync(join(folder, 'filler'), { force: true });
}

/** The folder, which without a file system of its own only says that it is full. */
function volume(): ArtifactStore {
  const store = folderStore(folder);
  if (isMounted) return store;
  return {
    ...{ has: (hash) => store.has(hash), get: (hash) => store.get(hash), size: (hash) => store.size(hash) },
    read: (hash, range) => store.read(hash, range),
    async put(content, promised) {
      if (full) throw storageFull(folder, 'ENOSPC');
      return store.put(content, promised);
    },
  };
}

/** Reads the dataset from elsewhere. */
const writingTo = (store: ArtifactStore): ArtifactStore => ({
  ...{ has: (hash) => source.has(hash), size: (hash) => source.size(hash), get: (hash) => source.get(hash) },
  ...{
    read: (hash, range) => source.read(hash, range),
    put: (content, promised) => store.put(content, promised),
  },
});

type Wait = Extract<TrainerEvent, { $case: 'storage' }>['value'];

function patient(store: ArtifactStore, onWait: (wait: Wait, count: number) => void) {
  const waits: Wait[] = [];
  const { signal } = new AbortController();
  const options = {
    signal,
    longestPauseMs: 20,
    onWait: (wait: Wait) => {
      waits.push(wait);
      onWait(wait, waits.length);
    },
  };
  return { store: patientStore(store, options), waits };
}

test('of checkpoints and the model: training goes on, the last weights wait, and they are the same', async () => {
  fill();
  const near = writingTo(volume());
  const { store, waits } = patient(near, (_, count) => count === 5 && makeRoom());
  const [events] = await runAll({ spec, store, checkpointStore: near, datasetManifest });
  // No step waited, and nothing was saved.
  expect(eventsOf(events!, 'step').length).toBe(3);
  expect(eventsOf(events!, 'checkpoint')).toEqual([]);
  const told = eventsOf(events!, 'storage').map(({ value }) => value);
  expect(told.map(({ waiting }) => waiting)).toEqual([true, true, true, false]);
  expect(told[0]!.message).toMatch(/^Training goes on, but nothing was saved since step 1: There is no room/);
  expect(told[1]).toEqual(told[0]);
  expect(waits.map(({ waiting }) => waiting)).toEqual([true, true, true, true, true, false]);
  expect(waits[0]!.message).toContain(folder);
  expect(modelOf(events!).weightsSha256).toBe(undisturbed);
  expect(readdirSync(join(folder, '.incoming'))).toEqual([]);
});

test('of a worker\u2019s cache: the run waits for the room to load what it needs', async () => {
  fill();
  const cache = isMounted ? boundedStore(folderStore(folder), { limitBytes: 2 ** 40 }) : volume();
  const { store, waits } = patient(cachedStore(cache, source), (_, count) => count === 3 && makeRoom());
  const [first, second] = await runAll({ spec, store, datasetManifest, worldSize: 2 });
  expect(waits.some(({ waiting }) => waiting)).toBe(true);
  expect(waits.at(-1)!.waiting).toBe(false);
  expect(modelOf(first!).weightsSha256).toBe(undisturbed);
  expect(eventsOf(second!, 'finished').length).toBe(1);
});
