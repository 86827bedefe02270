import { clipPresets } from '@triptych/models/catalog';
import type { Dataset, RunEventKind, RunReason } from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  addDataset,
  addRun,
  addWorker,
  anyHash,
  metricOf,
  openTestStores,
  ownedRun,
  placed,
  progressOf,
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

const move = (runId: string, token: bigint, event: RunEventKind, reason: RunReason = 'TRAINING') =>
  stores.runs.transition(runId, token, { event, reason, message: event });
const owned = (runId: string) => ownedRun(stores, runId);

test('a whole journey: every state change is an event, the model has its row, the workers are free', async () => {
  const { id } = await addRun(stores, { dataset, spec: { name: 'mine' } });
  await addWorker(stores, 'w1');
  await addWorker(stores, 'w2');
  const tenure = await owned(id);
  expect(tenure).toMatchObject({
    fencingToken: 1n,
    datasetManifests: [anyHash('d')],
    attempt: 0,
    assignments: [],
    lastSequence: 0,
  });
  const token = tenure.fencingToken;
  await move(id, token, 'schedule');
  await stores.runs.startGeneration(id, token, {
    attempt: 1,
    generation: 1,
    assignments: placed('w1', 'w2'),
  });
  await move(id, token, 'place', 'PLACED');
  await move(id, token, 'start');
  await stores.runs.recordSteps(id, token, {
    steps: [metricOf(1), metricOf(2)],
    progress: progressOf(2),
    lastSequence: 5,
  });
  await stores.runs.recordCheckpoint(id, token, {
    step: 2,
    sha256: anyHash('c'),
    bytes: 9,
    at: '2030-01-01T00:00:01.000Z',
    lastSequence: 6,
  });
  await move(id, token, 'evaluate', 'SCORING');
  await stores.runs.recordScores(id, token, { scores: [score], lastSequence: 7 });
  await move(id, token, 'finalize', 'PUBLISHING');
  expect(
    (await stores.workers.list({ now: new Date() })).map((worker) => [worker.state, worker.rank]),
  ).toEqual([
    ['busy', 0],
    ['busy', 1],
  ]);
  const artifact = await putModel(stores.artifacts);
  const done = await stores.runs.complete(id, token, {
    modelArtifact: artifact.sha256,
    weights: { sha256: anyHash('e'), bytes: 7 },
  });

  expect(done).toMatchObject({
    status: 'SUCCEEDED',
    reason: 'COMPLETED',
    attempt: 1,
    worldSize: 2,
    firstStepAt: '2030-01-01T00:00:00.000Z',
    scores: [score],
    weights: { sha256: anyHash('e'), bytes: 7 },
  });
  expect(await stores.models.find('mine')).toMatchObject({
    id: done.modelId,
    kind: 'trained',
    runId: id,
    artifact: artifact.sha256,
    config: clipPresets['clip-tiny']!.config,
  });
  expect((await stores.workers.list({ now: new Date() })).map(({ state }) => state)).toEqual([
    'idle',
    'idle',
  ]);
  const events = await stores.history.events(id, {});
  expect(events.map(({ sequence, type, status }) => `${sequence} ${type} ${status}`)).toEqual([
    '1 state QUEUED',
    '2 state SCHEDULING',
    '3 state STARTING',
    '4 state RUNNING',
    '5 progress RUNNING',
    '6 checkpoint RUNNING',
    '7 state EVALUATING',
    '8 score EVALUATING',
    '9 state FINALIZING',
    '10 state SUCCEEDED',
  ]);
  expect(await stores.runs.acquire(id)).toBeUndefined();
});

test('a new owner finds what the old one left, and the old one can write nothing more', async () => {
  const { id } = await addRun(stores, { dataset });
  await addWorker(stores, 'w1');
  const first = await owned(id);
  await move(id, first.fencingToken, 'schedule');
  await stores.runs.startGeneration(id, first.fencingToken, {
    attempt: 1,
    generation: 1,
    assignments: placed('w1'),
  });
  await move(id, first.fencingToken, 'place');
  await move(id, first.fencingToken, 'start');
  await stores.runs.recordSteps(id, first.fencingToken, {
    steps: [metricOf(1)],
    progress: progressOf(1),
    lastSequence: 4,
  });
  for (const step of [1, 2])
    await stores.runs.recordCheckpoint(id, first.fencingToken, {
      step,
      sha256: anyHash(`${step}`),
      bytes: 1,
      at: '2030-01-01T00:00:00.000Z',
    });

  const second = await owned(id);
  expect(second).toMatchObject({
    fencingToken: 2n,
    attempt: 1,
    generation: 1,
    assignments: placed('w1'),
    lastSequence: 4,
  });
  expect(second.run.status).toBe('RUNNING');
  expect(second.checkpoint?.step).toBe(2);
  expect(second.checkpoints.map(({ step }) => step)).toEqual([2, 1]);
  const before = await stores.history.events(id, {});
  const late = [
    () => move(id, first.fencingToken, 'fail'),
    () =>
      stores.runs.recordSteps(id, first.fencingToken, {
        steps: [metricOf(2)],
        progress: progressOf(2),
        lastSequence: 5,
      }),
    () => stores.runs.recordScores(id, first.fencingToken, { scores: [score] }),
    () => stores.runs.releaseAssignments(id, first.fencingToken),
    () => stores.runs.explain(id, first.fencingToken, { reason: 'WORKER_LOST', message: 'x' }),
  ];
  for (const write of late) await expect(write()).rejects.toMatchObject({ code: 'FENCED' });
  expect(await stores.history.events(id, {})).toEqual(before);
  expect(await stores.history.steps(id, {})).toHaveLength(1);
});

test('a batch of steps that comes twice counts once', async () => {
  const { id } = await addRun(stores, { dataset });
  const { fencingToken } = await owned(id);
  const batch = { steps: [metricOf(1), metricOf(2)], progress: progressOf(2), lastSequence: 3 };
  await stores.runs.recordSteps(id, fencingToken, batch);
  await stores.runs.recordSteps(id, fencingToken, batch);
  await stores.runs.recordSteps(id, fencingToken, {
    ...batch,
    steps: [metricOf(2), metricOf(3)],
    lastSequence: 4,
  });
  const steps = await stores.history.steps(id, {});
  expect(steps).toEqual([metricOf(1), metricOf(2), metricOf(3)]);
  expect(await stores.history.steps(id, { afterStep: 2 })).toEqual([metricOf(3)]);
});

test('a worker serves one run at a time, until it is released', async () => {
  const [one, two] = [await addRun(stores, { dataset }), await addRun(stores, { dataset })];
  await addWorker(stores, 'w1');
  const [first, second] = [await owned(one.id), await owned(two.id)];
  const membership = { attempt: 1, generation: 1, assignments: placed('w1') };
  await stores.runs.startGeneration(one.id, first.fencingToken, membership);
  await expect(stores.runs.startGeneration(two.id, second.fencingToken, membership)).rejects.toThrow(
    `the workers w1 is held by another run; place run ${two.id} again`,
  );
  const unknown = { ...membership, assignments: placed('ghost') };
  await expect(stores.runs.startGeneration(two.id, second.fencingToken, unknown)).rejects.toThrow(
    'ghost is not registered',
  );
  await stores.runs.startGeneration(one.id, first.fencingToken, { ...membership, generation: 2 });
  await stores.runs.releaseAssignments(one.id, first.fencingToken);
  const { worldSize } = await stores.runs.startGeneration(two.id, second.fencingToken, membership);
  expect(worldSize).toBe(1);
});

describe('cancelling', () => {
  const paths: Record<string, RunEventKind[]> = {
    QUEUED: [],
    SCHEDULING: ['schedule'],
    STARTING: ['schedule', 'place'],
    RUNNING: ['schedule', 'place', 'start'],
    EVALUATING: ['schedule', 'place', 'start', 'evaluate'],
    FINALIZING: ['schedule', 'place', 'start', 'finalize'],
    RECOVERING: ['schedule', 'place', 'start', 'lose'],
    BACKOFF: ['schedule', 'place', 'start', 'lose', 'backOff'],
  };
  test.each(Object.entries(paths))('from %s', async (state, path) => {
    const { id } = await addRun(stores, { dataset });
    const { fencingToken } = await owned(id);
    for (const event of path) await move(id, fencingToken, event);
    expect(await stores.runs.statusOf(id)).toBe(state);
    const woken = stores.notifier.next(id, { timeoutMs: 30_000 });
    const idle = state === 'QUEUED' || state === 'BACKOFF';
    const { status } = await stores.runs.requestCancel(id);
    expect(status).toBe(idle ? 'CANCELLED' : 'CANCELLING');
    expect(await woken).toBe('changed');
    expect((await stores.runs.requestCancel(id)).status).toBe(status);
    await expect(move(id, fencingToken, 'start')).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
    if (!idle) await move(id, fencingToken, 'cancelled', 'CANCELLED_BY_USER');
    expect(await stores.runs.get(id)).toMatchObject({ status: 'CANCELLED', finishedAt: expect.any(String) });
  });

  test('comes too late for a run that failed', async () => {
    const { id } = await addRun(stores, { dataset });
    const { fencingToken } = await owned(id);
    await move(id, fencingToken, 'fail', 'INTERNAL_ERROR');
    await expect(stores.runs.requestCancel(id)).rejects.toThrow('is FAILED; only a run that is not over');
    await expect(
      stores.runs.recordSteps(id, fencingToken, { steps: [], progress: progressOf(1), lastSequence: 1 }),
    ).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  });

  test('races with the owner: exactly one of the two wins', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await addRun(stores, { dataset })).id),
    );
    for (const id of ids) {
      const { fencingToken } = await owned(id);
      const [cancel, schedule] = await Promise.allSettled([
        stores.runs.requestCancel(id),
        move(id, fencingToken, 'schedule'),
      ]);
      expect(cancel.status).toBe('fulfilled');
      expect(await stores.runs.statusOf(id)).toBe(
        schedule.status === 'fulfilled' ? 'CANCELLING' : 'CANCELLED',
      );
    }
  });
});

test('a reason that stays the same is told once', async () => {
  const { id } = await addRun(stores, { dataset });
  const { fencingToken } = await owned(id);
  const why = { reason: 'WAITING_FOR_WORKERS', message: 'needs 2, 1 is free' } as const;
  for (const _ of [1, 2, 3]) await stores.runs.explain(id, fencingToken, why);
  expect(await stores.history.events(id, {})).toHaveLength(2);
  expect(await stores.runs.get(id)).toMatchObject({ status: 'QUEUED', ...why, queuePosition: 1 });
});

test('unfinished runs, most urgent first; positions in the queue agree', async () => {
  const late = await addRun(stores, { dataset, spec: { priority: 50 } });
  const first = await addRun(stores, { dataset, spec: { priority: 1 } });
  const second = await addRun(stores, { dataset, spec: { priority: 1 } });
  const over = await addRun(stores, { dataset });
  await stores.runs.requestCancel(over.id);
  expect((await stores.runs.listUnfinished()).map(({ id }) => id)).toEqual([first.id, second.id, late.id]);
  const { items } = await stores.history.list({});
  expect(new Map(items.map(({ id, queuePosition }) => [id, queuePosition]))).toEqual(
    new Map([
      [first.id, 1],
      [second.id, 2],
      [late.id, 3],
      [over.id, undefined],
    ]),
  );
  expect(await stores.history.positionOfNext(1)).toBe(3);
});

test('a placement that is written twice, because its answer was lost, is one', async () => {
  const { id } = await addRun(stores, { dataset });
  await addWorker(stores, 'w1');
  const { fencingToken } = await owned(id);
  const membership = { attempt: 1, generation: 1, assignments: placed('w1') };
  for (const _ of [1, 2]) await stores.runs.startGeneration(id, fencingToken, membership);
  expect((await owned(id)).assignments).toEqual(placed('w1'));
});

test('a run that does not exist', async () => {
  for (const ask of [
    () => stores.runs.get('run_x'),
    () => stores.runs.acquire('run_x'),
    () => stores.runs.requestCancel('run_x'),
    () => move('run_x', 1n, 'start'),
    () => stores.history.events('run_x', {}),
    () => stores.history.steps('run_x', {}),
  ])
    await expect(ask()).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a new owner learns the backend and what went wrong so far', async () => {
  const { id } = await addRun(stores, { dataset });
  await addWorker(stores, 'w1');
  const { fencingToken: token, ...fresh } = await owned(id);
  expect(fresh).toMatchObject({ failures: [], distrusted: [] });
  expect(fresh).not.toHaveProperty('backend');
  const start = async (attempt: number, backend: 'wasm' | undefined) => {
    const membership = { attempt, generation: 1, assignments: placed('w1') };
    await stores.runs.startGeneration(id, token, { ...membership, ...(backend && { backend }) });
    await move(id, token, 'place', 'PLACED');
  };
  const lose = { event: 'lose', reason: 'WORKER_LOST', message: 'it broke' } as const;
  await move(id, token, 'schedule');
  await start(1, 'wasm');
  await stores.runs.transition(id, token, { ...lose, detail: { code: 'WORKER_LOST', step: 7 } });
  await stores.runs.recordLog(id, token, {
    message: 'passed over',
    fields: { code: 'ARTIFACT_CORRUPT', sha256: anyHash('c') },
  });
  await stores.runs.recordLog(id, token, { message: 'something else', fields: { sha256: anyHash('a') } });
  await start(2, undefined);
  await stores.runs.transition(id, token, { ...lose, reason: 'SUPERVISOR_RESTARTED' });
  await start(3, undefined);
  await stores.runs.transition(id, token, { ...lose, detail: { code: 'INTERNAL', step: 0 } });
  expect(await owned(id)).toMatchObject({
    backend: 'wasm',
    failures: [
      { code: 'WORKER_LOST', step: 7 },
      { code: 'INTERNAL', step: 0 },
    ],
    distrusted: [anyHash('c')],
  });
});
