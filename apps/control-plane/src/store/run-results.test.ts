/** What a run leaves behind: its checkpoints and its trained model, and when the record refuses them. */
import type { Dataset } from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  addDataset,
  addRun,
  addWorker,
  anyHash,
  openTestStores,
  ownedRun,
  placed,
  putModel,
  topScore as score,
  type TestStores,
} from '../testing/store.ts';

let stores: TestStores;
let dataset: Dataset;
beforeAll(async () => {
  stores = await openTestStores();
});
afterAll(() => stores.close());
beforeEach(async () => {
  await stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets, models, workers CASCADE');
  dataset = await addDataset(stores);
});

const owned = (runId: string) => ownedRun(stores, runId);

describe('SUCCEEDED', () => {
  /** A run of this name that waits for its end, and the end of it. */
  async function finalizing(name?: string) {
    const { id } = await addRun(stores, { dataset, ...(name === undefined ? {} : { spec: { name } }) });
    await addWorker(stores, 'w1');
    const { fencingToken } = await owned(id);
    const membership = { attempt: 1, generation: 1, assignments: placed('w1') };
    await stores.runs.startGeneration(id, fencingToken, membership);
    for (const event of ['schedule', 'place', 'start', 'finalize'] as const)
      await stores.runs.transition(id, fencingToken, { event, reason: 'TRAINING', message: event });
    const complete = (modelArtifact: string) =>
      stores.runs.complete(id, fencingToken, {
        modelArtifact,
        weights: { sha256: anyHash('e'), bytes: 7 },
        scores: [score],
      });
    return { id, complete };
  }

  const listOf = (files: object[]) => stores.artifacts.put(Buffer.from(JSON.stringify({ files })));

  test('only after every file was read back; where one is not there, nothing is written', async () => {
    const { files, sha256 } = await putModel(stores.artifacts);
    const missing = { path: 'vocab.json', sha256: anyHash('f'), bytes: 3 };
    const [config, weights] = files;
    const wrongLists = {
      NOT_FOUND: [...files, missing],
      ARTIFACT_CORRUPT: [config!, { ...weights!, bytes: weights!.bytes + 1 }],
    };
    const { id, complete } = await finalizing();
    for (const [code, list] of Object.entries(wrongLists)) {
      await expect(complete((await listOf(list)).sha256)).rejects.toMatchObject({ code });
      expect(await stores.runs.statusOf(id)).toBe('FINALIZING');
      expect(await stores.history.scores(id)).toEqual([]);
    }
    expect((await complete(sha256)).scores).toEqual([score]);
    const events = (await stores.history.events(id, {})).slice(-2);
    expect(events.map(({ type, status }) => `${type} ${status}`)).toEqual([
      'score FINALIZING',
      'state SUCCEEDED',
    ]);
  });

  test('under a name that is free, whoever took which meanwhile', async () => {
    const { sha256: artifact } = await putModel(stores.artifacts);
    const { id, complete } = await finalizing('mine');
    const others = { architecture: 'clip', description: '', parameters: 1, config: {}, files: [] };
    for (const name of ['mine', id])
      await stores.models.insert({ ...others, name, artifact, weights: { sha256: anyHash('e'), bytes: 7 } });
    const { modelId } = await complete(artifact);
    expect(await stores.models.find(modelId as string)).toMatchObject({ name: `${id}-2`, runId: id });
  });
});

test('a checkpoint of the same step with other bits is refused, with both hashes', async () => {
  const { id } = await addRun(stores, { dataset });
  const { fencingToken } = await owned(id);
  const saved = { step: 2, bytes: 9, at: '2030-01-01T00:00:01.000Z', lastSequence: 1 };
  const record = (sha256: string) => stores.runs.recordCheckpoint(id, fencingToken, { ...saved, sha256 });
  await record(anyHash('a'));
  await record(anyHash('a'));
  const refused = record(anyHash('b'));
  await expect(refused).rejects.toMatchObject({ code: 'NOT_DETERMINISTIC' });
  await expect(refused).rejects.toThrow(new RegExp(`${anyHash('a')}.*${anyHash('b')}`));
  expect((await stores.history.checkpoints(id)).map(({ sha256 }) => sha256)).toEqual([anyHash('a')]);
});
