/** Which artifacts go and which stay, on a folder and the real record. */
import { mkdtempSync, rmSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ReadyDataset, TriptychError } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { type CollectableStore, folderStore, putFiles, sha256Of } from '@triptych/storage';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ArtifactHolds } from '../store/artifact-holds.ts';
import { artifactReferences } from '../store/artifact-references.ts';
import {
  addDataset,
  addRun,
  insertDataset,
  openTestStores,
  ownedRun,
  placed,
  type TestStores,
} from '../testing/store.ts';
import { ArtifactCollection } from './collection.ts';
import { Housekeeping } from './housekeeping.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
let stores: TestStores;
let folder: string;
let artifacts: CollectableStore;
let collection: ArtifactCollection;
let removed: { count: number; bytes: number };
beforeAll(async () => {
  stores = await openTestStores();
});
afterAll(() => stores.close());
beforeEach(async () => {
  await stores.database.client.$executeRawUnsafe(
    'TRUNCATE runs, datasets, models, workers, audit_entries CASCADE',
  );
  folder = mkdtempSync(join(tmpdir(), 'collection-'));
  artifacts = folderStore(folder);
  removed = { count: 0, bytes: 0 };
  collection = newCollection(artifacts);
  return () => rmSync(folder, { recursive: true });
});

const newCollection = (store: CollectableStore) =>
  new ArtifactCollection({
    ...{ artifacts: store, logger },
    references: () => stores.holds.whileFree(() => artifactReferences(stores.database)),
    onRemoved: ({ count, bytes }) => {
      removed = { count: removed.count + count, bytes: removed.bytes + bytes };
    },
  });

const terminateLocks = () =>
  stores.database.client.$queryRawUnsafe(
    "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE application_name = 'triptych lock'",
  );

const age = (sha256: string, minutes: number) => {
  const then = new Date(Date.now() - minutes * 60_000);
  return utimes(join(folder, sha256.slice(0, 2), sha256.slice(2)), then, then);
};

/** Something that was stored so many minutes ago. */
async function put(text: string, minutes = 60): Promise<string> {
  const { sha256 } = await artifacts.put(Buffer.from(text));
  await age(sha256, minutes);
  return sha256;
}

const there = async (hashes: readonly string[]) => Promise.all(hashes.map((sha256) => artifacts.has(sha256)));

async function registered(name: string): Promise<{ dataset: ReadyDataset; hashes: string[] }> {
  const packs = [await put(`${name} pack 0`), await put(`${name} pack 1`)];
  const manifest = await put(
    // Long enough that hashes lie across the pieces in which it is read.
    JSON.stringify({
      version: 2,
      filling: 'x'.repeat(2 ** 20 - 100),
      packs: packs.map((sha256) => ({ sha256 })),
    }),
  );
  const { id: _, ...facts } = await addDataset(stores, `first-${name}`);
  await stores.deletion.dataset(`first-${name}`);
  return {
    dataset: await insertDataset(stores, { ...facts, name, manifest }),
    hashes: [manifest, ...packs],
  };
}

async function model(name: string) {
  const files = [{ path: 'model.safetensors', content: Buffer.from(`weights of ${name}`) }];
  const { sha256, files: listed } = await putFiles(artifacts, files);
  const hashes = [sha256, ...listed.map((file) => file.sha256)];
  for (const hash of hashes) await age(hash, 60);
  await stores.models.insert({
    ...{ name, architecture: 'clip', description: '', parameters: 1, config: {}, artifact: sha256 },
    ...{ files: listed, weights: { sha256: hashes[1] as string, bytes: 1 } },
  });
  return { artifact: sha256, hashes };
}

async function running(dataset: ReadyDataset, more: object = {}) {
  const { id, spec } = await addRun(stores, { dataset });
  await stores.database.client.run.update({ where: { id }, data: more });
  const { fencingToken: token } = await ownedRun(stores, id);
  const move = (event: 'schedule' | 'place' | 'start' | 'fail') =>
    stores.runs.transition(id, token, { event, reason: 'TRAINING', message: event });
  await move('schedule');
  await stores.runs.startGeneration(id, token, { attempt: 1, generation: 1, assignments: placed() });
  await move('place');
  await move('start');
  const save = async (step: number, minutes: number) => {
    const sha256 = await put(`checkpoint ${step}`, minutes);
    const at = new Date().toISOString();
    await stores.runs.recordCheckpoint(id, token, { step, sha256, bytes: 10, at });
    return sha256;
  };
  return { id, spec, token, move, save };
}

test('what rows name stays, with what it names itself; the rest goes and is counted', async () => {
  const { dataset, hashes: used } = await registered('scenes');
  const { hashes: trained } = await model('mine');
  const orphan = await put('nobody knows me');
  const { kept, removed: count, removedBytes } = await collection.collect();
  expect(await there([...used, ...trained])).not.toContain(false);
  expect(await there([orphan])).toEqual([false]);
  expect({ kept, count, removedBytes }).toEqual({ kept: 5, count: 1, removedBytes: 15 });
  expect(removed).toEqual({ count: 1, bytes: 15 });
  await stores.deletion.dataset(dataset.id);
  await stores.deletion.model('mine');
  await collection.collect();
  expect(await there([...used, ...trained])).not.toContain(true);
});

test('what two share stays until both are gone', async () => {
  const { dataset, hashes } = await registered('a');
  const { id: _, ...facts } = dataset;
  await insertDataset(stores, { ...facts, name: 'b' });
  await stores.deletion.dataset('a');
  await collection.collect();
  expect(await there(hashes)).not.toContain(false);
  await stores.deletion.dataset('b');
  await collection.collect();
  expect(await there(hashes)).not.toContain(true);
});

test('a live run keeps what it works with: datasets, base, towers, three checkpoints; over, it keeps predictions', async () => {
  const { dataset, hashes } = await registered('scenes');
  const more = await registered('more');
  const [base, tower] = [await model('base'), await model('tower')];
  const run = await running(dataset, {
    datasetManifests: [dataset.manifest, more.dataset.manifest],
    baseArtifact: base.artifact,
    towerArtifacts: { vision: tower.artifact },
  });
  // As if somebody had taken the rows away by hand.
  await stores.database.client.model.deleteMany();
  await stores.database.client.dataset.deleteMany({ where: { id: more.dataset.id } });
  const checkpoints: string[] = [];
  for (const step of [10, 20, 30, 40, 50]) checkpoints.push(await run.save(step, 60));
  const predictions = await put('what the model said');
  const report = { predictions: [], sha256: predictions };
  await stores.runs.recordLog(run.id, run.token, { message: 'predicted', fields: report });
  await collection.collect();
  expect(await there([...hashes, ...more.hashes, ...base.hashes, ...tower.hashes])).not.toContain(false);
  expect(await there(checkpoints)).toEqual([false, false, true, true, true]);
  await run.move('fail');
  await collection.collect();
  expect(await there(checkpoints)).not.toContain(true);
  expect(await there([predictions, ...hashes])).not.toContain(false);
  expect(await there([...more.hashes, ...base.hashes])).not.toContain(true);
  await stores.deletion.run(run.id);
  await collection.collect();
  expect(await there([predictions])).toEqual([false]);
});

test('what somebody may be about to name waits: what is young, renewed, or stored since an attempt began', async () => {
  const [young, renewed] = [await put('young', 5), await put('renewed')];
  await artifacts.renew(renewed);
  expect((await collection.collect()).waiting).toBe(2);
  const { dataset } = await registered('scenes');
  const run = await running(dataset);
  const began = new Date(Date.now() - 5 * 3_600_000);
  await stores.database.client.attempt.updateMany({ data: { startedAt: began } });
  // A model of many files, over a slow link: its first file came hours ago, its row comes when all are there.
  const early = await put('first file', 120);
  const before = await put('from before', 6 * 60);
  await collection.collect();
  expect(await there([young, renewed, early, before])).toEqual([true, true, true, false]);
  await run.move('fail');
  await collection.collect();
  expect(await there([early])).toEqual([false]);
});

test('no collection begins while something is registered, by whichever process', async () => {
  const orphan = await put('orphan');
  const elsewhere = new ArtifactHolds(stores.url);
  {
    await using _first = await elsewhere.hold();
    await using _second = await stores.holds.hold();
    await expect(collection.collect()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  }
  expect(await there([orphan])).toEqual([true]);
  // A process that is killed holds nothing: the database ends what it had.
  const killed = await elsewhere.hold();
  await terminateLocks();
  expect((await collection.collect()).removed).toBe(1);
  await killed[Symbol.asyncDispose]();
});

test('what is stored while a collection is under way stays, also where it was there before and nobody needed it', async () => {
  const facts = await addDataset(stores, 'first');
  await stores.deletion.dataset('first');
  const texts = Array.from({ length: 5 }, (_, i) => `orphan ${i}`);
  for (const text of texts) await put(text);
  let again: string | undefined;
  const interrupted = newCollection({
    ...artifacts,
    tidy: (since) => artifacts.tidy(since),
    entries: () => artifacts.entries(),
    async remove(sha256, since) {
      const next = texts.find((text) => sha256Of(Buffer.from(text)) !== sha256) as string;
      if (again === undefined) {
        await using hold = await stores.holds.hold();
        again = (await artifacts.put(Buffer.from(next))).sha256;
        const { id } = await stores.datasets.begin({ name: 'late', path: '/data/late' });
        await stores.datasets.ready(id, { ...facts, manifest: again }, hold);
      }
      return artifacts.remove(sha256, since);
    },
  });
  expect((await interrupted.collect()).removed).toBe(4);
  expect(await there([again as string])).toEqual([true]);
});

test('a row is not written where its hold was lost, and no collection begins while it is written', async () => {
  const facts = await addDataset(stores, 'first');
  const { id } = await stores.datasets.begin({ name: 'cut', path: '/data/cut' });
  await using hold = await stores.holds.hold();
  await stores.database.client.$transaction(async (transaction) => {
    await hold.confirm(transaction);
    await terminateLocks();
    await expect(collection.collect()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
  await expect(stores.datasets.ready(id, facts, hold)).rejects.toThrow(
    /broke off while files were stored; send the request again/,
  );
  expect(await stores.datasets.get(id)).toMatchObject({ state: 'VALIDATING' });
});

test('a leader whose term is over removes nothing more', async () => {
  const orphans = [await put('orphan 1'), await put('orphan 2')];
  let removals = 0;
  const stale = new ArtifactCollection({
    ...{ artifacts, logger, references: () => artifactReferences(stores.database) },
    assertMayRemove: () => {
      removals += 1;
      if (removals > 2) throw new TriptychError('NOT_LEADER', 'over');
    },
  });
  await expect(stale.collect()).rejects.toMatchObject({ code: 'NOT_LEADER' });
  expect((await there(orphans)).filter(Boolean)).toHaveLength(1);
});

test('who asks twice at once gets one collection', async () => {
  await put('orphan');
  const all = await Promise.all([collection.collect(), collection.collect()]);
  expect(all[0]).toBe(all[1]);
  expect(removed.count).toBe(1);
});

test('a list that is damaged keeps everything: what it named cannot be known', async () => {
  const { hashes } = await registered('scenes');
  const orphan = await put('orphan');
  const rotten = {
    ...artifacts,
    tidy: artifacts.tidy.bind(artifacts),
    entries: artifacts.entries.bind(artifacts),
  };
  const read: CollectableStore['read'] = async function* (sha256) {
    yield* artifacts.read(sha256);
    yield* artifacts.read(sha256Of(Buffer.from('is not there')).replace(/^./, 'x'));
  };
  await expect(newCollection({ ...rotten, read } as CollectableStore).collect()).rejects.toThrow();
  expect(await there([...hashes, orphan])).not.toContain(false);
});

test('old runs and workers of long ago go by themselves, the others stay', async () => {
  const { dataset } = await registered('scenes');
  const [old, recent] = [await running(dataset), await running(dataset)];
  for (const [run, days] of [
    [old, 31],
    [recent, 29],
  ] as const) {
    await run.move('fail');
    const finishedAt = new Date(Date.now() - days * 24 * 3_600_000);
    await stores.database.client.run.update({ where: { id: run.id }, data: { finishedAt } });
  }
  const alive = await running(dataset);
  const { client } = stores.database;
  const leaseOf = (days: number) => new Date(Date.now() - days * 24 * 3_600_000);
  const worker = {
    ...{ address: 'a:1', pool: 'p', backend: 'wasm', device: 'cpu', threads: 1 },
    version: '1',
  };
  for (const days of [8, 6])
    await client.worker.create({
      data: { id: `w${days}`, ...worker, memoryBytes: 1n, leaseExpiresAt: leaseOf(days) },
    });
  for (const days of [31, 29])
    await client.auditEntry.create({
      data: { id: `audit-${days}`, action: 'createRun', outcome: 'done', createdAt: leaseOf(days) },
    });
  const housekeeping = new Housekeeping({
    ...{ collection, deletion: stores.deletion, workers: stores.workers, audit: stores.audit, logger },
    ...{ runDays: 30, auditDays: 30, intervalMs: 20 },
  });
  housekeeping.start();
  await expect.poll(() => client.worker.count()).toBe(1);
  expect(await client.auditEntry.findMany({ select: { id: true } })).toEqual([{ id: 'audit-29' }]);
  await housekeeping.close();
  const left = await client.run.findMany({ select: { id: true } });
  expect(left.map(({ id }) => id).sort()).toEqual([recent.id, alive.id].sort());
});
