import { type Problem, Run, RunPage, RunPlan, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset, addWorker } from '../testing/store.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  await server.stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets, models, workers CASCADE');
  server.queue.jobs.clear();
  server.queue.enqueued = 0;
  server.queue.down = false;
  await addDataset(server.stores);
});

const spec = { model: 'clip-tiny', dataset: 'scenes' };
const post = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
  server.app.inject({ method: 'POST', url, payload: payload as object, headers });
const get = (url: string) => server.app.inject({ method: 'GET', url });
const pathsOf = (problem: Problem) => (problem.violations ?? []).map(({ path }) => path).sort();

test('a submission is resolved, queued, listed and enqueued once', async () => {
  const answer = await post('/v1/runs', spec);
  expect(answer.statusCode).toBe(201);
  const run = answer.json<Run>();
  expect(violationsOf(Run, run)).toEqual([]);
  expect(run).toMatchObject({
    status: 'QUEUED',
    reason: 'SUBMITTED',
    spec: { optimizer: { kind: 'adamw' } },
  });
  expect(run.progress.totalSteps).toBe(12);
  expect(answer.headers['location']).toBe(`/v1/runs/${run.id}`);
  expect([...server.queue.jobs]).toEqual([[run.id, run.spec.priority]]);
  const page = (await get('/v1/runs?limit=1')).json();
  expect(violationsOf(RunPage, page)).toEqual([]);
  expect(page.items).toEqual([{ ...run, queuePosition: 1 }]);
  expect((await get(`/v1/runs/${run.id}`)).json()).toEqual({ ...run, queuePosition: 1 });
});

test('the same key and body is the same run; with another body it is refused', async () => {
  const key = { 'idempotency-key': 'k1' };
  const first = await post('/v1/runs', { ...spec, seed: 1 }, key);
  const again = await post('/v1/runs', { seed: 1, ...spec }, key);
  expect([first.statusCode, again.statusCode]).toEqual([201, 200]);
  expect(again.json().id).toBe(first.json().id);
  expect(server.queue.jobs.size).toBe(1);
  const other = await post('/v1/runs', { ...spec, seed: 2 }, key);
  expect(other.json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
  expect((await post('/v1/runs', spec, { 'idempotency-key': ' ' })).json().code).toBe('INVALID_INPUT');
});

test('wrong types, unknown fields, absurd numbers and unknown names come in one answer', async () => {
  const answer = await post('/v1/runs', {
    model: 'gpt-9',
    dataset: 'nowhere',
    seed: 'one',
    colour: 'red',
    batch: { global: 1e12, shards: -1 },
    workers: { min: 0, gpus: 8 },
  });
  expect(answer.statusCode).toBe(422);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = answer.json<Problem>();
  expect(problem).toMatchObject({
    code: 'INVALID_INPUT',
    type: '/docs/errors#INVALID_INPUT',
    instance: '/v1/runs',
  });
  expect(pathsOf(problem)).toEqual([
    '/batch/global',
    '/batch/shards',
    '/colour',
    '/dataset',
    '/model',
    '/seed',
    '/workers/gpus',
    '/workers/min',
  ]);
  for (const { expected, actual, remedy } of problem.violations ?? [])
    expect([expected, actual, remedy]).not.toContain('');
});

test.each([
  ['nothing', undefined],
  ['a list', [1]],
  ['text', '"hello"'],
])('a body that is %s is one clear problem', async (_, body) => {
  const answer = await post('/v1/runs', body, { 'content-type': 'application/json' });
  expect([400, 422]).toContain(answer.statusCode);
  expect(answer.json()).toMatchObject({
    status: answer.statusCode,
    code: expect.stringMatching(/INVALID_INPUT|MALFORMED_BODY/),
  });
});

test('problems between fields are told with what would work', async () => {
  const problem = (await post('/v1/runs', { ...spec, batch: { global: 30, shards: 8 } })).json<Problem>();
  expect(problem.violations).toContainEqual(
    expect.objectContaining({ path: '/batch/global', remedy: 'use 24 or 32' }),
  );
});

test('a query that a route does not take is refused, not overlooked', async () => {
  const answer = await server.app.inject({ method: 'POST', url: '/v1/runs?dryRun=1', payload: spec });
  expect(answer.json()).toMatchObject({ code: 'INVALID_INPUT', violations: [{ path: '/dryRun' }] });
});

test('a name is used once', async () => {
  expect((await post('/v1/runs', { ...spec, name: 'mine' })).statusCode).toBe(201);
  expect((await post('/v1/runs', { ...spec, name: 'mine' })).json()).toMatchObject({
    status: 409,
    code: 'NAME_TAKEN',
  });
});

test('a plan says what would happen and creates nothing', async () => {
  await addWorker(server.stores, 'w1');
  const answer = await post('/v1/runs/plan', { ...spec, workers: { min: 2, max: 3 } });
  const plan = answer.json<RunPlan>();
  expect(violationsOf(RunPlan, plan)).toEqual([]);
  // 100 images in batches of 16: 6 steps an epoch, 2 epochs.
  expect(plan).toMatchObject({
    stepsPerEpoch: 6,
    totalSteps: 12,
    samples: 192,
    worldSizes: [2, 3],
    workersReady: 1,
    queuePosition: 1,
    backend: 'wasm',
  });
  expect(plan.warnings).toEqual([
    'The run needs 2 workers in pool "default", there are 1: it will wait until more are started',
  ]);
  expect((await get('/v1/runs')).json().items).toEqual([]);
  expect(server.queue.jobs.size).toBe(0);
});

test('a plan warns where tensors do not fit the wasm heap, and says what to do', async () => {
  await addWorker(server.stores, 'w1');
  const big = { ...spec, model: 'clip-vit-large-patch14', batch: { global: 64, shards: 2 } };
  const plan = async (changes: object) =>
    (await post('/v1/runs/plan', { ...big, ...changes })).json<RunPlan>();
  const { warnings, heapBytesPerWorker, memoryBytesPerWorker } = await plan({});
  expect(heapBytesPerWorker).toBeGreaterThan(4 * 2 ** 30);
  expect(memoryBytesPerWorker).toBeGreaterThan(heapBytesPerWorker);
  expect(warnings).toContainEqual(
    expect.stringMatching(/MiB of tensors .* 4096 MiB: raise batch\.shards .* memory to "checkpoint"/),
  );
  const { warnings: fewer } = await plan({ batch: { global: 64, shards: 64 }, memory: 'checkpoint' });
  expect(fewer.filter((warning) => warning.includes('4096 MiB'))).toEqual([]);
});

test('cancelling takes a queued run out of the queue, once; a run that is not there is told', async () => {
  const { id } = (await post('/v1/runs', spec)).json<Run>();
  for (const _ of [1, 2]) {
    const answer = await post(`/v1/runs/${id}/cancel`, undefined);
    expect(answer.json()).toMatchObject({ status: 'CANCELLED', reason: 'CANCELLED_BY_USER' });
  }
  expect(server.queue.jobs.size).toBe(0);
  expect((await post('/v1/runs/run_nope/cancel', undefined)).json()).toMatchObject({ code: 'NOT_FOUND' });
});

test('a queue that is away loses nothing: the run is on record, and a repeat enqueues it', async () => {
  server.queue.down = true;
  const key = { 'idempotency-key': 'k2' };
  const { id, status } = (await post('/v1/runs', spec, key)).json<Run>();
  expect(status).toBe('QUEUED');
  server.queue.down = false;
  expect((await post('/v1/runs', spec, key)).json().id).toBe(id);
  expect(server.queue.jobs.has(id)).toBe(true);
});

test('500 submissions at once are all queued, once each, and can all be cancelled', {
  timeout: 180_000,
}, async () => {
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => post('/v1/runs', { ...spec, seed: i })),
  );
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([201]));
  const ids = new Set(answers.map((answer) => answer.json<Run>().id));
  expect(ids.size).toBe(500);
  expect(server.queue.enqueued).toBe(500);
  expect(new Set(server.queue.jobs.keys())).toEqual(ids);
  const listed: string[] = [];
  let cursor = '';
  do {
    const page = (await get(`/v1/runs?status=QUEUED&limit=100${cursor && `&cursor=${cursor}`}`)).json();
    listed.push(...page.items.map((run: Run) => run.id));
    cursor = page.nextCursor ?? '';
  } while (cursor !== '');
  expect(listed.length).toBe(500);
  expect(new Set(listed)).toEqual(ids);
  const cancelled = await Promise.all([...ids].map((id) => post(`/v1/runs/${id}/cancel`, undefined)));
  expect(new Set(cancelled.map((answer) => answer.json().status))).toEqual(new Set(['CANCELLED']));
});

test.each([
  ['/v1/runs?limit=0', ['/limit']],
  ['/v1/runs?limit=ten&status=DONE&sort=name', ['/limit', '/sort', '/status']],
  ['/v1/runs?cursor=abc', ['/cursor']],
])('GET %s', async (url, paths) => {
  const answer = await get(url);
  expect(answer.statusCode).toBe(422);
  expect(pathsOf(answer.json())).toEqual(paths);
});

test('a run answers to its name wherever it answers to its id, and an id comes first', async () => {
  const named = (await post('/v1/runs', { ...spec, name: 'birds-1' })).json<Run>();
  const same = { ...named, queuePosition: 1 };
  expect((await get('/v1/runs/birds-1')).json()).toEqual(same);
  for (const part of ['events', 'metrics', 'scores', 'predictions', 'checkpoints']) {
    const [byName, byId] = [await get(`/v1/runs/birds-1/${part}`), await get(`/v1/runs/${named.id}/${part}`)];
    expect(byName.statusCode, part).toBe(200);
    expect(byName.json(), part).toEqual(byId.json());
    expect((await get(`/v1/runs/birds-2/${part}`)).json(), part).toMatchObject({ code: 'NOT_FOUND' });
  }
  await post('/v1/runs', { ...spec, name: named.id });
  expect((await get(`/v1/runs/${named.id}`)).json()).toEqual(same);
  const cancelled = await post('/v1/runs/birds-1/cancel', undefined);
  expect(cancelled.json()).toMatchObject({ id: named.id, status: 'CANCELLED' });
  expect((await get('/v1/runs/bad%20name')).json()).toMatchObject({ code: 'INVALID_INPUT' });
});

test('a plan tells the time by the pace of a run like it, on the workers that are ready', async () => {
  const plan = async (more: object = {}) =>
    (await post('/v1/runs/plan', { ...spec, ...more })).json<RunPlan>();
  expect((await plan()).etaSeconds).toBeUndefined();
  const { id } = (await post('/v1/runs', spec)).json<Run>();
  expect((await plan()).etaSeconds).toBeUndefined();
  await server.stores.database.client.run.update({
    where: { id },
    data: {
      worldSize: 2,
      progress: { step: 3, totalSteps: 12, epoch: 1, ratio: 0.25, samplesProcessed: 1, samplesPerSecond: 50 },
    },
  });
  await addWorker(server.stores, 'w-one');
  const one = await plan({ workers: { min: 1, max: 4 } });
  expect(violationsOf(RunPlan, one)).toEqual([]);
  expect(one.etaSeconds).toBeCloseTo(one.samples / 25);
  for (const name of ['w-two', 'w-three']) await addWorker(server.stores, name);
  expect((await plan({ workers: { min: 1, max: 2 } })).etaSeconds).toBeCloseTo(one.samples / 50);
  expect((await plan({ memory: 'checkpoint' })).etaSeconds).toBeUndefined();
});
