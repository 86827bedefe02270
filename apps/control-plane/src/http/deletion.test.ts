/** What can be deleted, what cannot yet and why, and what is told of it afterwards. */
import type { Dataset, Problem, RunStatus } from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import {
  addDataset,
  addRun,
  addWorker,
  anyHash,
  insertDataset,
  metricOf,
  ownedRun,
  placed,
  progressOf,
  putModel,
  topScore,
} from '../testing/store.ts';

let server: TestServer;
let dataset: Dataset;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  await server.stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets, models, workers CASCADE');
  dataset = await addDataset(server.stores);
});

const ask = async (method: 'GET' | 'DELETE' | 'POST', url: string, payload?: object) => {
  const answer = await server.app.inject({ method, url, ...(payload && { payload }) });
  return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() };
};
const remove = (url: string) => ask('DELETE', url);
const problem = async (url: string): Promise<Problem> => (await remove(url)).body as Problem;

const addModel = (name: string, digit = 'a') =>
  server.stores.models.insert({
    ...{ name, architecture: 'clip', description: '', parameters: 1, config: { model_type: 'clip' } },
    ...{ artifact: anyHash(digit), files: [], weights: { sha256: anyHash('b'), bytes: 1 } },
  });

/** A run with something in every table, that has succeeded. */
async function finishedRun(name: string): Promise<string> {
  const { stores } = server;
  await addWorker(stores, 'w1');
  const { id } = await addRun(stores, { dataset, spec: { name } });
  const { fencingToken: token } = await ownedRun(stores, id);
  const move = (event: 'schedule' | 'place' | 'start' | 'finalize') =>
    stores.runs.transition(id, token, { event, reason: 'TRAINING', message: event });
  await move('schedule');
  await stores.runs.startGeneration(id, token, { attempt: 1, generation: 1, assignments: placed('w1') });
  await move('place');
  await move('start');
  await stores.runs.recordSteps(id, token, {
    steps: [metricOf(1)],
    progress: progressOf(1),
    lastSequence: 1,
  });
  const checkpoint = { step: 1, sha256: anyHash('c'), bytes: 10, at: '2030-01-01T00:00:00.000Z' };
  await stores.runs.recordCheckpoint(id, token, checkpoint);
  await move('finalize');
  const { sha256 } = await putModel(stores.artifacts);
  const weights = { sha256: anyHash('e'), bytes: 7 };
  await stores.runs.complete(id, token, { modelArtifact: sha256, weights, scores: [topScore] });
  return id;
}

const rowsOf = async (runId: string) => {
  const { client } = server.stores.database;
  const where = { runId };
  const counts = await Promise.all([
    client.runEvent.count({ where }),
    client.stepMetric.count({ where }),
    client.checkpoint.count({ where }),
    client.score.count({ where }),
    client.attempt.count({ where }),
    client.assignment.count({ where }),
  ]);
  return counts.reduce((sum, count) => sum + count, 0);
};

describe('a run', () => {
  test('that is over goes by its name with all that is known of it; its model stays', async () => {
    const id = await finishedRun('mine');
    expect(await rowsOf(id)).toBeGreaterThan(6);
    expect(await remove('/v1/runs/mine')).toEqual({ status: 204, body: undefined });
    expect((await ask('GET', `/v1/runs/${id}`)).status).toBe(404);
    expect((await ask('GET', `/v1/runs/${id}/events`)).status).toBe(404);
    expect(await rowsOf(id)).toBe(0);
    expect((await remove(`/v1/runs/${id}`)).status).toBe(404);
    const model = await ask('GET', '/v1/models/mine');
    expect(model).toMatchObject({ status: 200, body: { kind: 'trained' } });
    expect(model.body).not.toHaveProperty('runId');
    // Its name is free.
    await addRun(server.stores, { dataset, spec: { name: 'mine' } });
  });

  test('that is not over is refused with what to do, in every state', async () => {
    const { id } = await addRun(server.stores, { dataset });
    const live: readonly RunStatus[] = [
      'QUEUED',
      'STARTING',
      'RUNNING',
      'FINALIZING',
      'BACKOFF',
      'CANCELLING',
    ];
    for (const status of live) {
      await server.stores.database.client.run.update({ where: { id }, data: { status } });
      const { code, detail } = await problem(`/v1/runs/${id}`);
      expect([code, detail]).toEqual(['ILLEGAL_STATE', expect.stringMatching(`${status}.*cancel it first`)]);
    }
    await server.stores.database.client.run.update({ where: { id }, data: { status: 'QUEUED' } });
    await ask('POST', `/v1/runs/${id}/cancel`);
    expect((await remove(`/v1/runs/${id}`)).status).toBe(204);
  });

  test('can be sent again under the key of one that was deleted', async () => {
    const headers = { 'idempotency-key': 'k' };
    const payload = { model: 'clip-tiny', dataset: 'scenes' };
    const send = () => server.app.inject({ method: 'POST', url: '/v1/runs', headers, payload });
    const first = (await send()).json().id;
    await ask('POST', `/v1/runs/${first}/cancel`);
    await remove(`/v1/runs/${first}`);
    const second = await send();
    expect([second.statusCode, second.json().id === first]).toEqual([201, false]);
  });
});

describe('a dataset', () => {
  test('that live runs train on is refused with their names, whichever of several it is', async () => {
    const { id: _, ...facts } = dataset;
    const second = await insertDataset(server.stores, { ...facts, name: 'more', manifest: anyHash('9') });
    const body = {
      ...{ model: 'clip-tiny', name: 'user' },
      datasets: [
        { name: 'scenes', weight: 1 },
        { name: 'more', weight: 1 },
      ],
    };
    const run = (await ask('POST', '/v1/runs', body)).body;
    for (const name of [dataset.id, 'scenes', second.id, 'more'])
      expect(await problem(`/v1/datasets/${name}`)).toMatchObject({
        code: 'ILLEGAL_STATE',
        detail: expect.stringMatching(/in use: run user \(QUEUED\) trains on it; cancel it/),
      });
    await ask('POST', `/v1/runs/${run.id}/cancel`);
    expect((await remove('/v1/datasets/more')).status).toBe(204);
    expect((await remove('/v1/datasets/scenes')).status).toBe(204);
    const told = (await ask('GET', `/v1/runs/${run.id}/datasets`)).body.items as Dataset[];
    expect(told.map(({ name, splits, deletedAt }) => [name, splits, typeof deletedAt])).toEqual([
      ['scenes', dataset.splits, 'string'],
      ['more', dataset.splits, 'string'],
    ]);
  });

  test('that was deleted is nowhere but with the runs that it made, and its name is free', async () => {
    const { id } = await addRun(server.stores, { dataset });
    await ask('POST', `/v1/runs/${id}/cancel`);
    expect((await remove('/v1/datasets/scenes')).status).toBe(204);
    expect((await remove(`/v1/datasets/${dataset.id}`)).status).toBe(404);
    expect((await ask('GET', `/v1/datasets/${dataset.id}`)).status).toBe(404);
    expect((await ask('GET', '/v1/datasets')).body.items).toEqual([]);
    const submitted = await ask('POST', '/v1/runs', { model: 'clip-tiny', dataset: 'scenes' });
    expect(submitted).toMatchObject({ status: 422, body: { violations: [{ path: '/dataset' }] } });
    const { bytes } = await addDataset(server.stores);
    expect((await ask('GET', '/v1/datasets/scenes')).body.bytes).toBe(bytes);
    expect((await ask('GET', `/v1/runs/${id}`)).body).toMatchObject({
      datasetId: dataset.id,
      spec: { dataset: 'scenes' },
    });
    const [was] = (await ask('GET', `/v1/runs/${id}/datasets`)).body.items;
    expect(was).toMatchObject({ id: dataset.id, name: 'scenes', manifest: dataset.manifest });
    // With the last run the last trace.
    await remove(`/v1/runs/${id}`);
    const { client } = server.stores.database;
    expect(await client.dataset.count({ where: { id: dataset.id } })).toBe(0);
    expect(await client.dataset.count()).toBe(1);
  });

  test('that nobody trained on leaves nothing', async () => {
    await remove('/v1/datasets/scenes');
    expect(await server.stores.database.client.dataset.count()).toBe(0);
  });

  test('deleted while a run is submitted is either in use or not there: never a run without its dataset', async () => {
    for (let round = 0; round < 10; round += 1) {
      await server.stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets CASCADE');
      dataset = await addDataset(server.stores);
      const [run, deleted] = await Promise.all([
        addRun(server.stores, { dataset }).catch(({ code }) => code as string),
        remove('/v1/datasets/scenes'),
      ]);
      const left = await server.stores.datasets.find('scenes');
      if (typeof run === 'string') expect([run, deleted.status]).toEqual(['INVALID_INPUT', 204]);
      else expect([deleted.status, left?.id]).toEqual([409, dataset.id]);
    }
  });
});

describe('a model', () => {
  test('that live runs start from is refused; that finished ones started from is not', async () => {
    const base = await addModel('base');
    const { artifact } = base;
    const { spec } = await addRun(server.stores, { dataset, spec: { name: 'other' } });
    const totalSteps = 12;
    const submission = {
      spec: { ...spec, name: 'user' },
      architecture: 'clip',
      datasetId: dataset.id,
      totalSteps,
    };
    const uses: readonly object[] = [{ baseArtifact: artifact }, { towerArtifacts: { vision: artifact } }];
    for (const use of uses) {
      const { run } = await server.stores.submission.insert({ ...submission, ...use });
      expect(await problem('/v1/models/base')).toMatchObject({
        code: 'ILLEGAL_STATE',
        detail: expect.stringContaining('run user (QUEUED) starts from it; cancel it'),
      });
      await ask('POST', `/v1/runs/${run.id}/cancel`);
      await remove(`/v1/runs/user`);
    }
    const { run } = await server.stores.submission.insert({ ...submission, ...uses[0] });
    await ask('POST', `/v1/runs/${run.id}/cancel`);
    expect((await remove(`/v1/models/${base.id}`)).status).toBe(204);
    expect((await remove('/v1/models/base')).status).toBe(404);
    expect((await ask('GET', '/v1/runs/user')).body.spec.model).toBe(spec.model);
    await expect(server.stores.submission.insert({ ...submission, ...uses[0] })).rejects.toMatchObject({
      violations: [{ path: '/model', remedy: expect.stringContaining('/v1/models') }],
    });
  });

  test('that a run trained goes without the run', async () => {
    const id = await finishedRun('mine');
    expect((await remove('/v1/models/mine')).status).toBe(204);
    const run = (await ask('GET', `/v1/runs/${id}`)).body;
    expect(run).toMatchObject({ status: 'SUCCEEDED', weights: { sha256: anyHash('e'), bytes: 7 } });
    expect(run).not.toHaveProperty('modelId');
  });

  test('that is a preset cannot go', async () => {
    expect(await problem('/v1/models/clip-tiny')).toMatchObject({ status: 409, code: 'ILLEGAL_STATE' });
  });
});

test('the files of what was deleted go from the store, and that is counted', async () => {
  const swift = await startTestServer({ graceMs: 0 });
  const { artifacts, models } = swift.stores;
  const { sha256, files } = await putModel(artifacts);
  const weights = { sha256: files[1]!.sha256, bytes: files[1]!.bytes };
  const facts = { architecture: 'clip', description: '', parameters: 1, config: {}, artifact: sha256, files };
  await models.insert({ ...facts, name: 'mine', weights });
  const collect = async () =>
    (await swift.app.inject({ method: 'POST', url: '/v1/artifacts/collections' })).json();
  expect(await collect()).toEqual({ kept: 3, waiting: 0, removed: 0, removedBytes: 0 });
  await swift.app.inject({ method: 'DELETE', url: '/v1/models/mine' });
  await expect.poll(() => artifacts.has(sha256)).toBe(false);
  expect(await collect()).toEqual({ kept: 0, waiting: 0, removed: 0, removedBytes: 0 });
  const { body } = await swift.app.inject('/metrics');
  expect(body).toMatch(/^triptych_artifacts_collected_total 3$/m);
  expect(body).toMatch(/^triptych_artifacts_collected_bytes_total [1-9]\d+$/m);
  await swift.close();
});
