import { type Dataset, violationsOf, WorkerPage } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { anyNumerics } from '../testing/numerics.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';
import {
  addDataset,
  addRun,
  addWorker,
  anyHash,
  metricOf,
  placed,
  progressOf,
  putModel,
} from '../testing/store.ts';

let server: TestServer;
let dataset: Dataset;
beforeAll(async () => {
  server = await startTestServer();
  dataset = await addDataset(server.stores);
});
afterAll(() => server.close());

const get = async (url: string) => (await server.app.inject(url)).json();
const scrape = async () => (await server.app.inject('/metrics')).body;

test('workers are idle, busy, draining or lost', async () => {
  for (const id of ['w-idle', 'w-busy', 'w-draining']) await addWorker(server.stores, id);
  await addWorker(server.stores, 'w-lost', new Date(Date.now() - 1000));
  await addWorker(server.stores, 'w-forgotten', new Date(Date.now() - 3_600_000));
  await addWorker(server.stores, 'w-left');
  await server.stores.workers.leave('w-left');
  await server.stores.workers.renew('w-draining', {
    leaseExpiresAt: new Date(Date.now() + 60_000),
    memoryUsedBytes: 5,
    eventLoopLagMs: 2,
    draining: true,
  });
  const run = await addRun(server.stores, { dataset });
  const { fencingToken } = (await server.stores.runs.acquire(run.id))!;
  await server.stores.runs.startGeneration(run.id, fencingToken, {
    attempt: 1,
    generation: 1,
    assignments: placed('w-busy'),
  });
  const page = await get('/v1/workers');
  expect(violationsOf(WorkerPage, page)).toEqual([]);
  const states = page.items.map((worker: { id: string; state: string }) => `${worker.id}: ${worker.state}`);
  expect(states.sort()).toEqual(['w-busy: busy', 'w-draining: draining', 'w-idle: idle', 'w-lost: lost']);
  expect(page.items.find(({ id }: { id: string }) => id === 'w-busy')).toMatchObject({
    runId: run.id,
    rank: 0,
  });
  expect(
    await server.stores.workers.renew('w-left', {
      leaseExpiresAt: new Date(),
      memoryUsedBytes: 0,
      eventLoopLagMs: 0,
      draining: false,
    }),
  ).toBe(false);
  await server.stores.runs.requestCancel(run.id);
});

test('ready means that database and queue answer', async () => {
  expect(await get('/health/live')).toEqual({ status: 'live' });
  expect(await get('/health/ready')).toEqual({ status: 'ready', role: 'leader' });
  server.queue.down = true;
  const answer = await server.app.inject('/health/ready');
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({
    code: 'UNAVAILABLE',
    detail: 'Not ready: the queue cannot be reached',
  });
  server.queue.down = false;
});

test('pools that submitters invent do not become labels without end', async () => {
  for (let i = 0; i < 5; i++)
    await addRun(server.stores, { dataset, spec: { workers: { min: 1, max: 1, pool: `invented-${i}` } } });
  const counts = await server.stores.history.census({ mostPools: 2 });
  expect(new Set(counts.map(({ pool }) => pool)).size).toBe(3);
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  expect(total).toBe(await server.stores.database.client.run.count());
});

test('the metrics of a run are there while it lives, and shortly after with its end; counters stay', async () => {
  const { runs, artifacts } = server.stores;
  const { id } = await addRun(server.stores, { dataset, spec: { name: 'measured' } });
  const token = (await runs.acquire(id))!.fencingToken;
  const move = (event: 'schedule' | 'place' | 'start' | 'finalize') =>
    runs.transition(id, token, { event, reason: 'TRAINING', message: event });
  await move('schedule');
  await runs.startGeneration(id, token, { attempt: 1, generation: 3, assignments: placed('w-idle') });
  await move('place');
  await move('start');
  await runs.recordSteps(id, token, {
    steps: [metricOf(1), metricOf(2)],
    progress: progressOf(2),
    lastSequence: 2,
  });
  await runs.recordCheckpoint(id, token, {
    step: 2,
    sha256: anyHash('c'),
    bytes: 77,
    at: '2030-01-01T00:00:00.000Z',
  });
  const live = await scrape();
  for (const line of [
    `triptych_run_step{run="${id}"} 2`,
    `triptych_run_loss{run="${id}"} 1.5`,
    `triptych_run_world_size{run="${id}"} 1`,
    `triptych_run_generation{run="${id}"} 3`,
    `triptych_samples_processed_total{run="${id}"} 32`,
    `triptych_checkpoint_size_bytes{run="${id}"} 77`,
    `triptych_run_info{run="${id}",name="measured",model="clip-tiny",dataset="scenes",status="RUNNING",pool="default"} 1`,
    'triptych_runs{status="RUNNING",architecture="clip",pool="default"} 1',
    'triptych_step_duration_seconds_count{phase="forward_backward"} 2',
    `triptych_run_phase_seconds_total{run="${id}",phase="all_reduce"}`,
    'triptych_artifact_volume_bytes{state="free"} 30',
    'triptych_dependency_up{dependency="queue"} 1',
    // The first failure of a kind must be an increase.
    'triptych_runs_finished_total{status="FAILED",reason="OUT_OF_MEMORY",architecture="clip"} 0',
    'triptych_recoveries_total{cause="WORKER_LOST"} 0',
    'triptych_run_queue_wait_seconds_count 1',
    'triptych_run_time_to_first_step_seconds_count 1',
    'triptych_queue_depth{state="waiting"} 0',
  ])
    expect(live).toContain(line);
  await move('finalize');
  const { sha256 } = await putModel(artifacts);
  await runs.complete(id, token, { modelArtifact: sha256, weights: { sha256: anyHash('e'), bytes: 1 } });
  await expect(runs.releaseAssignments(id, token - 1n)).rejects.toMatchObject({ code: 'FENCED' });
  const after = await scrape();
  expect(after).toContain(
    `triptych_run_info{run="${id}",name="measured",model="clip-tiny",dataset="scenes",status="SUCCEEDED",pool="default"} 1`,
  );
  // What grows while it runs ends with it.
  expect(after).not.toContain(`triptych_samples_processed_total{run="${id}"}`);
  expect(after).not.toContain(`triptych_run_phase_seconds_total{run="${id}"`);
  expect(await server.stores.history.recent(new Date())).toEqual([]);
  expect(after).toContain(
    'triptych_runs_finished_total{status="SUCCEEDED",reason="COMPLETED",architecture="clip"} 1',
  );
  expect(after).toContain('triptych_fenced_writes_total 1');
  expect(after).toMatch(
    /triptych_http_request_duration_seconds_count\{method="GET",route="\/v1\/workers",status_code="200"\} 1/,
  );
});

const idleWorkers = (count: number) =>
  `triptych_workers{pool="default",state="idle",backend="wasm",numerics="${anyNumerics().digest}"} ${count}`;

test('a scrape survives a queue that is away', async () => {
  server.queue.down = true;
  const body = await scrape();
  expect(body).not.toContain('triptych_queue_depth{');
  expect(body).toContain('triptych_dependency_up{dependency="queue"} 0');
  expect(body).toContain('triptych_dependency_up{dependency="database"} 1');
  expect(body).toContain(idleWorkers(2));
  server.queue.down = false;
});

test('a scrape ends although a source never answers', async () => {
  const depth = vi.spyOn(server.queue, 'depth').mockReturnValue(new Promise(() => {}));
  const began = performance.now();
  const body = await scrape();
  // A third of what Prometheus waits for.
  expect(performance.now() - began).toBeLessThan(3500);
  expect(body).toContain('triptych_dependency_up{dependency="queue"} 0');
  expect(body).toContain(idleWorkers(2));
  depth.mockRestore();
});

test('what waiting runs want is told by pool, backend and numerics', async () => {
  // The two idle workers are of the pool "default".
  const workers = (min: number, pool: string, backend?: 'wasm') => ({
    min,
    max: 9,
    pool,
    ...(backend && { backend }),
  });
  const waiting = [
    workers(4, 'default'),
    workers(2, 'default'),
    workers(3, 'default', 'wasm'),
    workers(1, 'nobody'),
  ];
  const runs = [];
  for (const demand of waiting)
    runs.push(await addRun(server.stores, { dataset, spec: { workers: demand } }));
  // This one began on workers of another kind.
  const begun = await addRun(server.stores, { dataset, spec: { workers: workers(1, 'default') } });
  runs.push(begun);
  const numerics = anyNumerics({ threads: 7 });
  await server.stores.database.client.run.update({
    where: { id: begun.id },
    data: { numerics: { ...numerics } },
  });
  const body = await scrape();
  const wanted = (backend: string, digest: string) =>
    `triptych_queued_run_workers_min{pool="default",backend="${backend}",numerics="${digest}"}`;
  expect(body).toContain(`${wanted('', '')} 2`);
  expect(body).toContain(`${wanted('wasm', '')} 3`);
  expect(body).toContain(`${wanted('', numerics.digest)} 1`);
  expect(body).not.toContain('triptych_queued_run_workers_min{pool="nobody"');
  for (const { id } of runs) await server.stores.runs.requestCancel(id);
});

test('the API describes itself: every route, with its answers', async () => {
  const document = await get('/docs/json');
  expect(document.openapi).toBe('3.1.0');
  const routes = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  for (const route of [
    'post /v1/runs',
    'post /v1/runs/plan',
    'get /v1/runs/{id}/events',
    'post /v1/datasets',
    'post /v1/models',
    'get /v1/workers',
    'get /metrics',
  ])
    expect(routes).toContain(route);
  expect(document.paths['/v1/runs'].post.requestBody.content['application/json'].schema).toEqual({
    $ref: '#/components/schemas/RunSpec',
  });
  expect(document.components.schemas.RunSpec.properties.seed).toMatchObject({ type: 'integer' });
  expect((await server.app.inject('/docs')).statusCode).toBeLessThan(400);
  expect((await server.app.inject('/docs/errors')).body).toContain('id="NAME_TAKEN"');
});

test('a run whose record cannot be read keeps nobody from lists and figures', async () => {
  const { runs, database } = server.stores;
  const { id } = await addRun(server.stores, { dataset });
  const token = (await runs.acquire(id))!.fencingToken;
  await addWorker(server.stores, 'w-odd');
  await runs.transition(id, token, { event: 'schedule', reason: 'TRAINING', message: '' });
  await runs.startGeneration(id, token, { attempt: 1, generation: 1, assignments: placed('w-odd') });
  await runs.transition(id, token, { event: 'place', reason: 'TRAINING', message: '' });
  await database.client.$executeRaw`UPDATE runs SET spec = 'null' WHERE id = ${id}`;
  const { statusCode, body } = await server.app.inject('/metrics');
  expect(statusCode).toBe(200);
  expect(body).toContain('triptych_runs{');
  expect((await get('/v1/runs')).items.map((run: { id: string }) => run.id)).toContain(id);
});

test('a plan warns where there are enough workers, but of several kinds', async () => {
  for (const [id, threads] of [
    ['w-one-thread', 1],
    ['w-two-threads', 2],
  ] as const)
    await server.stores.workers.register({
      ...{ id, address: `${id}:1`, pool: 'mixed', backend: 'wasm', device: 'cpu', threads },
      ...{ memoryBytes: 8e9, version: '0.1.0', numerics: anyNumerics({ threads }) },
      leaseExpiresAt: new Date(Date.now() + 60_000),
    });
  const { items } = await get('/v1/workers');
  const mixed = items.filter(({ pool }: { pool: string }) => pool === 'mixed');
  expect(mixed.map((worker: { numerics: unknown }) => worker.numerics)).toEqual([
    anyNumerics(),
    anyNumerics({ threads: 2 }),
  ]);
  const plan = async (min: number) => {
    const workers = { min, max: 2, pool: 'mixed' };
    const payload = { model: 'clip-tiny', dataset: dataset.name, workers };
    return (await server.app.inject({ method: 'POST', url: '/v1/runs/plan', payload })).json();
  };
  expect((await plan(2)).warnings).toContainEqual(
    expect.stringContaining('that compute alike, there are at most 1 (threads=1; threads=2)'),
  );
  expect(await plan(1)).toMatchObject({ workersReady: 1, numerics: anyNumerics().digest, warnings: [] });
});
