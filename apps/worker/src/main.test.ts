/** Real worker processes, the real tensor engine and real training, against a control plane of a few lines. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packDataset, writeScenes } from '@triptych/datasets';
import type { worker } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeControlPlane } from './testing/fake-control-plane.ts';
import { spec, trainRequest } from './testing/train-request.ts';
import { WorkerProcess } from './testing/worker-process.ts';

const plane = new FakeControlPlane();
let folder: string;
let manifest: string;
let workers: WorkerProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-worker-'));
  plane.heartbeatMs = 100;
  await plane.start();
  await writeScenes({ path: join(folder, 'scenes'), images: 40 });
  const store = plane.store;
  const packed = await packDataset({ path: join(folder, 'scenes'), format: 'auto', store });
  manifest = packed.sha256;
  // No shared folder: data comes and weights go through the control plane.
  workers = await Promise.all(
    [0, 1].map((n) =>
      WorkerProcess.start(plane, {
        TRIPTYCH_BACKEND: 'wasm',
        TRIPTYCH_CACHE_DIR: join(folder, `cache-${n}`),
      }),
    ),
  );
});

afterAll(async () => {
  await Promise.all(workers.map((each) => each.end('SIGKILL')));
  plane.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly events: worker.TrainEvent[][];
  readonly weights: string;
}

/** Trains on the first `worldSize` workers and returns what each of them said. */
async function trainOn(worldSize: number, runId: string, steps = 3): Promise<Outcome> {
  const specJson = JSON.stringify({ ...spec, duration: { steps } });
  const peers = workers
    .slice(0, worldSize)
    .map(({ address, workerId }, rank) => ({ rank, address, workerId }));
  const events = await Promise.all(
    peers.map(({ rank }) =>
      workers[rank]!.train(
        trainRequest({ runId, rank, worldSize, peers, specJson, datasetManifests: [manifest] }),
      ),
    ),
  );
  const published = events.flat().find(({ event }) => event?.$case === 'model')?.event;
  return { events, weights: published?.$case === 'model' ? published.value.weightsSha256 : '' };
}

const kinds = (events: worker.TrainEvent[]) => events.map(({ event }) => event?.$case);

test('one worker and two give the same weights, bit for bit; the compute thread serves run after run', async () => {
  const alone = await trainOn(1, 'run-alone');
  expect(kinds(alone.events[0]!)).toEqual([
    ...['phase', 'phase', 'step', 'step', 'step', 'phase', 'model', 'finished'],
  ]);
  expect(alone.events[0]!.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const together = await trainOn(2, 'run-together');
  expect(together.events.map((each) => each.at(-1)?.event?.$case)).toEqual(['finished', 'finished']);
  expect(kinds(together.events[1]!)).not.toContain('model');
  expect(together.weights).toBe(alone.weights);
  expect(await plane.store.has(together.weights)).toBe(true);
});

test('registration tells what the worker is; heartbeats tell its memory and the lag of its event loop', () => {
  expect(plane.registered[0]).toMatchObject({
    pool: 'default',
    backend: 'wasm',
    threads: 1,
    version: '0.1.0',
  });
  const beat = plane.heartbeats.at(-1)!;
  expect(beat.memoryUsedBytes).toBeGreaterThan(1e7);
  expect(beat.eventLoopLagMs).toBeGreaterThanOrEqual(0);
});

test('a worker that computes otherwise is seen in its registration, and is no rank beside one that does not', async () => {
  const odd = await WorkerProcess.start(plane, {
    TRIPTYCH_BACKEND: 'wasm',
    TRIPTYCH_GEMM: 'own',
    TRIPTYCH_CACHE_DIR: join(folder, 'cache-odd'),
  });
  try {
    const [first, second, third] = plane.registered.map(({ numerics }) => numerics);
    expect(second).toEqual(first);
    expect(third).toMatchObject({ gemm: 'assemblyscript', pictures: first?.pictures, text: first?.text });
    expect(third?.arithmetic).not.toBe(first?.arithmetic);

    const both = [workers[0]!, odd];
    const peers = both.map(({ address, workerId }, rank) => ({ rank, address, workerId }));
    const endings = async (runId: string, numerics: worker.TrainRequest['numerics']) => {
      const request = { runId, worldSize: 2, peers, datasetManifests: [manifest], numerics };
      const events = await Promise.all(
        both.map((each, rank) => each.train(trainRequest({ ...request, rank }))),
      );
      return events.map((each) => each.at(-1)?.event?.value);
    };
    // Nobody has told them: they find out from each other.
    const found = await endings('run-mixed', undefined);
    for (const value of found)
      expect(value).toMatchObject({
        code: 'OTHER_NUMERICS',
        message: expect.stringContaining('rank 1 has gemm=assemblyscript'),
      });
    // What the control plane believes of one is not so.
    expect((await endings('run-believed', first))[1]).toMatchObject({
      code: 'OTHER_NUMERICS',
      message: expect.stringContaining('this worker has gemm=assemblyscript'),
    });
  } finally {
    await odd.end('SIGKILL');
  }
});

test('a supervisor that comes back while training runs gets the rest of the events', async () => {
  const request = trainRequest({
    runId: 'run-reattach',
    specJson: JSON.stringify({ ...spec, duration: { steps: 12 } }),
    peers: [{ rank: 0, workerId: '', address: workers[0]!.address }],
    datasetManifests: [manifest],
  });
  const first = workers[0]!.client.train(request);
  first.on('error', () => undefined);
  const seen = await new Promise<number>((resolve) => {
    first.on(
      'data',
      ({ sequence, event }: worker.TrainEvent) => event?.$case === 'step' && resolve(sequence),
    );
  });
  first.cancel();
  const rest = await workers[0]!.train({ ...request, fencingToken: 2, afterSequence: seen });
  expect(rest[0]?.sequence).toBe(seen + 1);
  expect(rest.filter(({ event }) => event?.$case === 'step')).toHaveLength(11);
  expect(rest.at(-1)?.event?.$case).toBe('finished');
});

test('Stop ends a training; the worker is free for the next one', async () => {
  const training = trainOn(1, 'run-stopped', 10_000);
  await expect.poll(() => plane.heartbeats.at(-1)?.assignments[0]?.runId).toBe('run-stopped');
  expect(
    await workers[0]!.stop({ runId: 'run-stopped', attempt: 1, fencingToken: 1, reason: 'test' }),
  ).toEqual({
    wasRunning: true,
  });
  const { events } = await training;
  expect(events[0]?.at(-1)?.event).toMatchObject({
    $case: 'failed',
    value: { code: 'CANCELLED', message: 'test' },
  });
  expect((await trainOn(1, 'run-next', 1)).weights).toMatch(/^[0-9a-f]{64}$/);
});

test('when a worker is killed, the other one says so at once and blames it', async () => {
  const training = trainOn(2, 'run-killed', 10_000).catch(() => undefined);
  const survivor = workers[0]!;
  await expect
    .poll(() => plane.heartbeats.filter(({ assignments }) => assignments[0]?.runId === 'run-killed').length, {
      timeout: 10_000,
    })
    .toBeGreaterThan(2);
  await workers[1]!.end('SIGKILL');
  await training;
  const peers = workers.map(({ address, workerId }, rank) => ({ rank, address, workerId }));
  const request = trainRequest({
    runId: 'run-killed',
    worldSize: 2,
    peers,
    datasetManifests: [manifest],
    fencingToken: 2,
  });
  const told = await survivor.train(request);
  expect(told.at(-1)?.event).toMatchObject({
    $case: 'failed',
    value: { code: 'COLLECTIVE_ABORTED', blamedRank: 1 },
  });
});

test('SIGTERM: takes its leave and exits with 0', async () => {
  const { workerId } = workers[0]!;
  expect(await workers[0]!.end('SIGTERM')).toBe(0);
  expect(plane.left.map((request) => request.workerId)).toContain(workerId);
});

test('TRIPTYCH_GEMM=own reaches the tensor engine', async () => {
  const worker = await WorkerProcess.start(plane, {
    TRIPTYCH_BACKEND: 'wasm',
    TRIPTYCH_GEMM: 'own',
    TRIPTYCH_CACHE_DIR: join(folder, 'cache-own'),
  });
  workers.push(worker);
  expect(worker.gemm).toBe('assemblyscript');
});

test('a worker that is told to use a GPU does not start without one', async () => {
  const start = WorkerProcess.start(plane, {
    TRIPTYCH_BACKEND: 'wasm',
    TRIPTYCH_DEVICE: 'gpu',
  });
  await expect(start).rejects.toThrow('a GPU was asked for');
});

test('a worker without configuration says everything that is missing, and exits with 1', () => {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [main], {
    env: { PATH: process.env['PATH'], TRIPTYCH_THREADS: '0' },
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stderr).toContain('TRIPTYCH_CONTROL');
  expect(stderr).toContain('TRIPTYCH_THREADS');
});
