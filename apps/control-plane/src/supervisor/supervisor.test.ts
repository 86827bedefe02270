/** Whole supervisions against fake workers and the real record. Oracle: the record, and what the workers were asked. */
import type { ErrorCode, ResolvedRunSpec, Run, RunStatus } from '@triptych/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createQueue } from '../queue/create-queue.ts';
import { addDataset, addRun, openTestStores, putModel, type TestStores } from '../testing/store.ts';
import { startControlPlane, type TestControlPlane } from './testing/control-plane.ts';
import { FakeWorker } from './testing/fake-worker.ts';
import {
  checkpointHash,
  failWith,
  type TrainingScript,
  trainingScript,
  weightsHash,
} from './testing/scripts.ts';

const STEPS = 6;

let stores: TestStores;
let model: string;
let dataset: Awaited<ReturnType<typeof addDataset>>;
let controlPlanes: TestControlPlane[] = [];
let workers: FakeWorker[] = [];

beforeAll(async () => {
  stores = await openTestStores();
  dataset = await addDataset(stores);
  model = (await putModel(stores.artifacts)).sha256;
});
afterAll(() => stores?.close());
afterEach(async () => {
  await Promise.all(controlPlanes.map((plane) => plane.close()));
  for (const fake of workers) fake.close();
  [controlPlanes, workers] = [[], []];
});

const launch = async (options: Partial<Parameters<typeof startControlPlane>[0]> = {}) => {
  const plane = await startControlPlane({ stores, ...options });
  controlPlanes.push(plane);
  return plane;
};

const addFakes = async (plane: TestControlPlane, count: number, script: Partial<TrainingScript> = {}) => {
  const run = trainingScript({ steps: STEPS, model, ...script });
  const added: FakeWorker[] = [];
  for (let i = 0; i < count; i++)
    added.push(await FakeWorker.start({ controlPort: plane.port, script: run }));
  workers.push(...added);
  // Ranks go by worker id.
  return added.sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
};

const submit = async (plane: TestControlPlane, fields: Partial<ResolvedRunSpec['workers']> = {}) => {
  const wanted = { min: 1, max: 2, pool: 'default', ...fields };
  const run = await addRun(stores, { dataset, spec: { workers: wanted } });
  await plane.queue.enqueue(run.id, run.spec.priority);
  return run;
};

const reaches = (runId: string, status: RunStatus): Promise<void> =>
  expect.poll(() => stores.runs.statusOf(runId), { timeout: 15_000, interval: 10 }).toBe(status);

const statusesOf = async (runId: string): Promise<RunStatus[]> => {
  const items = await stores.history.events(runId, { limit: 500 });
  const all = items.map(({ status }) => status);
  return all.filter((status, index) => status !== all[index - 1]);
};

const stepsOf = async (runId: string): Promise<number[]> =>
  (await stores.history.steps(runId, { limit: 500 })).map(({ step }) => step);

const allSteps = Array.from({ length: STEPS }, (_, index) => index + 1);

const nobodyIsHeld = (plane: TestControlPlane) =>
  expect.poll(() => plane.registry.fleet().map(({ state }) => state), { interval: 20 }).not.toContain('busy');

describe('a run that nothing happens to', () => {
  test('goes through its states to its scores and its model, and frees its workers', async () => {
    const plane = await launch();
    const fakes = await addFakes(plane, 2, { checkpoints: [3] });
    const { id } = await submit(plane);
    await reaches(id, 'SUCCEEDED');
    expect(await statusesOf(id)).toEqual([
      ...['QUEUED', 'SCHEDULING', 'STARTING', 'RUNNING', 'EVALUATING', 'FINALIZING', 'SUCCEEDED'],
    ]);
    const run = await stores.runs.get(id);
    expect(run).toMatchObject({
      attempt: 1,
      worldSize: 2,
      reason: 'COMPLETED',
      weights: { sha256: weightsHash },
    });
    expect(run.progress).toMatchObject({
      step: STEPS,
      totalSteps: STEPS,
      ratio: 1,
      samplesProcessed: STEPS * 16,
    });
    expect(run.scores).toMatchObject([{ task: 'zero-shot', metric: 'top1', value: 0.9, stage: 'final' }]);
    expect(await stepsOf(id)).toEqual(allSteps);
    expect(fakes.map(({ trains }) => trains[0]?.rank)).toEqual([0, 1]);
    expect(fakes[1]?.trains[0]).toMatchObject({
      worldSize: 2,
      attempt: 1,
      checkpointSha256: '',
      afterSequence: 0,
    });
    expect(fakes[0]?.trains[0]?.peers.map(({ workerId }) => workerId)).toEqual(
      fakes.map(({ workerId }) => workerId),
    );
    await nobodyIsHeld(plane);
  });

  test('has committed its first step within two seconds of its submission', async () => {
    const plane = await launch();
    await addFakes(plane, 2);
    const { id } = await submit(plane);
    await reaches(id, 'SUCCEEDED');
    const { createdAt, firstStepAt } = await stores.runs.get(id);
    expect(Date.parse(firstStepAt as string) - Date.parse(createdAt)).toBeLessThan(2000);
  });

  test('says why it waits, and starts when a worker comes', async () => {
    const plane = await launch();
    const { id } = await submit(plane, { min: 2 });
    const reason = async () => (await stores.runs.get(id)).reason;
    await expect.poll(reason, { interval: 10 }).toBe('WAITING_FOR_WORKERS');
    await addFakes(plane, 1);
    expect(await stores.runs.statusOf(id)).toBe('QUEUED');
    await addFakes(plane, 1);
    await reaches(id, 'SUCCEEDED');
  });

  test('is delivered through the real queue, too', async () => {
    const queue = await createQueue({ url: stores.url });
    const plane = await launch({ queue });
    await addFakes(plane, 2);
    const { id } = await submit(plane);
    await reaches(id, 'SUCCEEDED');
    await expect.poll(() => queue.depth()).toMatchObject({ waiting: 0, active: 0 });
  });

  test('is one of 100 that wait together, each with its reason, and that can all be cancelled', async () => {
    const queue = await createQueue({ url: stores.url });
    const plane = await launch({ queue });
    const runs = await Promise.all(Array.from({ length: 100 }, () => submit(plane)));
    const count = async (where: { reason?: string; status?: string }) =>
      stores.database.client.run.count({ where: { ...where, id: { in: runs.map(({ id }) => id) } } });
    const waits = { timeout: 30_000, interval: 50 };
    await expect.poll(() => count({ reason: 'WAITING_FOR_WORKERS' }), waits).toBe(100);
    expect(plane.supervisor.size).toBe(100);
    await Promise.all(runs.map(({ id }) => stores.runs.requestCancel(id)));
    expect(await count({ status: 'CANCELLED' })).toBe(100);
    await expect.poll(() => plane.supervisor.size, waits).toBe(0);
    await expect
      .poll(() => queue.depth(), waits)
      .toMatchObject({ waiting: 0, active: 0, delayed: 0, failed: 0 });
  });

  test('shares the fleet: three runs, one worker, one after the other', async () => {
    const plane = await launch();
    const [fake] = await addFakes(plane, 1);
    const runs: Run[] = [];
    for (let i = 0; i < 3; i++) runs.push(await submit(plane));
    for (const { id } of runs) await reaches(id, 'SUCCEEDED');
    expect(fake?.trains.map(({ runId }) => runId)).toEqual(runs.map(({ id }) => id));
  });
});

describe('a run whose workers fail', () => {
  test('goes on from its checkpoint with the workers that are left', async () => {
    const plane = await launch();
    const [survivor, victim] = await addFakes(plane, 2, { checkpoints: [2], pauses: ['step 4'] });
    const { id } = await submit(plane);
    await survivor?.reached('step 4');
    await expect.poll(() => stepsOf(id)).toEqual([1, 2, 3, 4]);
    victim?.crash();
    survivor?.abortCollective('rank 1 does not answer');
    await expect.poll(() => survivor?.trains.length, { timeout: 5000 }).toBe(2);
    survivor?.open('step 4');
    await reaches(id, 'SUCCEEDED');
    expect(survivor?.trains[1]).toMatchObject({
      attempt: 2,
      worldSize: 1,
      checkpointSha256: checkpointHash(2),
    });
    expect(await statusesOf(id)).toContain('RECOVERING');
    expect(await stepsOf(id)).toEqual(allSteps);
    expect(await stores.runs.get(id)).toMatchObject({ attempt: 2, worldSize: 1 });
  });

  test('is recovered from a worker that hangs without closing its connection', async () => {
    const plane = await launch();
    const [survivor, victim] = await addFakes(plane, 2, { checkpoints: [1], pauses: ['step 2'] });
    const { id } = await submit(plane);
    await survivor?.reached('step 2');
    victim?.hang();
    await expect.poll(() => survivor?.trains.length, { timeout: 10_000 }).toBe(2);
    survivor?.open('step 2');
    await reaches(id, 'SUCCEEDED');
    expect(survivor?.trains[1]).toMatchObject({
      attempt: 2,
      worldSize: 1,
      checkpointSha256: checkpointHash(1),
    });
  });

  test('queues again where too few are left, and starts when there are enough', async () => {
    const plane = await launch();
    const [survivor, victim] = await addFakes(plane, 2, { checkpoints: [2], pauses: ['step 4'] });
    const { id } = await submit(plane, { min: 2 });
    await survivor?.reached('step 4');
    victim?.crash();
    survivor?.abortCollective('rank 1 does not answer');
    await reaches(id, 'QUEUED');
    expect(await stores.runs.get(id)).toMatchObject({ reason: 'WAITING_FOR_WORKERS', attempt: 1 });
    survivor?.open('step 4');
    const [newcomer] = await addFakes(plane, 1);
    await reaches(id, 'SUCCEEDED');
    expect(newcomer?.trains[0]).toMatchObject({
      attempt: 2,
      worldSize: 2,
      checkpointSha256: checkpointHash(2),
    });
  });

  const endings: [ErrorCode, Run['reason'], RegExp][] = [
    ['OUT_OF_MEMORY', 'OUT_OF_MEMORY', /raise batch\.shards/],
    ['LOSS_NOT_FINITE', 'LOSS_NOT_FINITE', /lower optimizer\.learningRate/],
    ['DATASET_INVALID', 'DATASET_INVALID', /register the dataset again/],
    ['MODEL_INVALID', 'INVALID_SPEC', /another base model/],
    ['BACKEND_UNAVAILABLE', 'BACKEND_UNAVAILABLE', /start workers with that backend/],
  ];
  test.each(endings)('ends at once with %s, whoever else complains first', async (code, reason, remedy) => {
    const plane = await launch();
    const fakes = await addFakes(plane, 2, {
      pauses: ['step 2'],
      beforeStep: (step, { rank }) => step === 3 && rank === 1 && failWith(code),
    });
    const { id } = await submit(plane);
    await Promise.all(fakes.map((fake) => fake.reached('step 2')));
    fakes[0]?.abortCollective('rank 1 has left');
    fakes[1]?.open('step 2');
    await reaches(id, 'FAILED');
    const run = await stores.runs.get(id);
    expect(run).toMatchObject({ reason, attempt: 1 });
    expect(run.message).toMatch(remedy);
    await nobodyIsHeld(plane);
  });

  test('gives up after failures without progress, and says what the last one was', async () => {
    const plane = await launch({ failures: { limit: 3, firstDelayMs: 10 } });
    const [fake] = await addFakes(plane, 1, {
      beforeStep: (step) => step === 2 && failWith('INTERNAL', 'a bug'),
    });
    const { id } = await submit(plane);
    await reaches(id, 'FAILED');
    const run = await stores.runs.get(id);
    expect(run).toMatchObject({ reason: 'FAILURES_EXHAUSTED', attempt: 3 });
    expect(run.message).toMatch(/3 times without getting past step 1.*a bug/);
    expect(fake?.trains).toHaveLength(3);
    expect(await statusesOf(id)).toContain('BACKOFF');
    await nobodyIsHeld(plane);
  });

  test('may fail as often as it likes while it gets further', async () => {
    const plane = await launch({ failures: { limit: 2, firstDelayMs: 1 } });
    let next = 2;
    const [fake] = await addFakes(plane, 1, {
      checkpoints: allSteps,
      beforeStep: (step) => {
        if (step !== next || step === STEPS) return;
        next += 1;
        failWith('INTERNAL');
      },
    });
    const { id } = await submit(plane);
    await reaches(id, 'SUCCEEDED');
    expect(fake?.trains).toHaveLength(STEPS - 1);
    expect(await stepsOf(id)).toEqual(allSteps);
  });

  test('passes over a checkpoint that is corrupt, and says so', async () => {
    const plane = await launch();
    const corrupt = checkpointHash(4);
    let failed = false;
    const [fake] = await addFakes(plane, 1, {
      checkpoints: [2, 4],
      beforeStep: (step, { checkpointSha256 }) => {
        if (checkpointSha256 === corrupt) failWith('ARTIFACT_CORRUPT', 'the hash does not match');
        if (step === 5 && !failed) {
          failed = true;
          failWith('INTERNAL');
        }
      },
    });
    const { id } = await submit(plane);
    await reaches(id, 'SUCCEEDED');
    expect(fake?.trains.map(({ checkpointSha256 }) => checkpointSha256)).toEqual([
      '',
      corrupt,
      checkpointHash(2),
    ]);
    const items = await stores.history.events(id, { limit: 500 });
    expect(items.filter(({ type }) => type === 'log').map(({ message }) => message)).toEqual([
      expect.stringMatching(/passed over/),
    ]);
  });
});

describe('cancelling', () => {
  const gates: [RunStatus, string][] = [
    ['STARTING', 'start'],
    ['RUNNING', 'step 2'],
    ['EVALUATING', 'evaluating'],
    ['FINALIZING', 'publishing'],
  ];
  test.each(gates)('a run that is %s stops every worker first', async (status, gate) => {
    const plane = await launch();
    const fakes = await addFakes(plane, 2, { pauses: [gate] });
    const { id } = await submit(plane);
    await Promise.all(fakes.map((fake) => fake.reached(gate)));
    await reaches(id, status);
    await stores.runs.requestCancel(id);
    await reaches(id, 'CANCELLED');
    expect(fakes.map(({ stops }) => stops.length)).toEqual([1, 1]);
    expect((await statusesOf(id)).slice(-3)).toEqual([status, 'CANCELLING', 'CANCELLED']);
    await nobodyIsHeld(plane);
  });

  test('a run that waits leaves the waiting room', async () => {
    const plane = await launch();
    const { id } = await submit(plane);
    await expect.poll(() => plane.supervisor.size).toBe(1);
    await stores.runs.requestCancel(id);
    await reaches(id, 'CANCELLED');
    await expect.poll(() => plane.supervisor.size).toBe(0);
    const [fake] = await addFakes(plane, 1);
    const other = await submit(plane);
    await reaches(other.id, 'SUCCEEDED');
    expect(fake?.trains.map(({ runId }) => runId)).toEqual([other.id]);
  });

  test('a run that is RECOVERING or in BACKOFF', async () => {
    const plane = await launch({ failures: { firstDelayMs: 60_000 }, timing: { graceMs: 60_000 } });
    const [fake] = await addFakes(plane, 1, { beforeStep: (step) => step === 2 && failWith('INTERNAL') });
    const backingOff = await submit(plane);
    await reaches(backingOff.id, 'BACKOFF');
    await stores.runs.requestCancel(backingOff.id);
    await reaches(backingOff.id, 'CANCELLED');
    fake?.close();

    const pair = await addFakes(plane, 2, { pauses: ['step 2'] });
    const recovering = await submit(plane, { min: 2 });
    await pair[0]?.reached('step 2');
    pair[1]?.crash();
    pair[0]?.abortCollective('rank 1 does not answer');
    await reaches(recovering.id, 'RECOVERING');
    await stores.runs.requestCancel(recovering.id);
    await reaches(recovering.id, 'CANCELLED');
  });

  test('waits for a worker that hangs until its lease is over', async () => {
    const plane = await launch();
    const [fake] = await addFakes(plane, 1, { pauses: ['step 2'] });
    const { id } = await submit(plane);
    await fake?.reached('step 2');
    fake?.crash();
    await stores.runs.requestCancel(id);
    await reaches(id, 'CANCELLED');
    expect(plane.registry.isAlive(fake?.workerId as string)).toBe(false);
  });
});

describe('a control plane that is restarted', () => {
  let first: TestControlPlane;
  beforeEach(async () => {
    first = await launch();
  });

  const restart = async (fakes: readonly FakeWorker[], options: { kill: boolean }) => {
    // Killed: the old one is never told, and goes on believing that it owns the run.
    if (!options.kill) await first.close();
    const second = await launch();
    await Promise.all(fakes.map((fake) => fake.moveTo(second.port)));
    return second;
  };

  test.each([{ kill: true }, { kill: false }])(
    'takes the live generation over ($kill: killed)',
    async (how) => {
      const fakes = await addFakes(first, 2, { pauses: ['step 3'], checkpoints: [1] });
      const { id } = await submit(first);
      await Promise.all(fakes.map((fake) => fake.reached('step 3')));
      await expect.poll(() => stepsOf(id)).toEqual([1, 2, 3]);
      const second = await restart(fakes, how);
      await expect.poll(() => fakes[0]?.trains.length, { timeout: 5000 }).toBe(2);
      for (const fake of fakes) fake.open('step 3');
      await reaches(id, 'SUCCEEDED');
      expect(await stores.runs.get(id)).toMatchObject({ attempt: 1 });
      expect(await stepsOf(id)).toEqual(allSteps);
      const [before, after] = fakes[0]?.trains ?? [];
      expect(after).toMatchObject({ attempt: 1, generation: before?.generation });
      expect(after?.afterSequence).toBeGreaterThanOrEqual(5);
      expect(after?.fencingToken).toBeGreaterThan(before?.fencingToken as number);
      expect(await statusesOf(id)).not.toContain('RECOVERING');
      await nobodyIsHeld(second);
    },
  );

  test('recovers where one of the workers did not come back', async () => {
    const fakes = await addFakes(first, 2, { pauses: ['step 3'], checkpoints: [1] });
    const { id } = await submit(first);
    await Promise.all(fakes.map((fake) => fake.reached('step 3')));
    await expect.poll(() => stepsOf(id)).toEqual([1, 2, 3]);
    await first.close();
    fakes[1]?.crash();
    await restart([fakes[0] as FakeWorker], { kill: false });
    fakes[0]?.open('step 3');
    await reaches(id, 'SUCCEEDED');
    expect(fakes[0]?.trains.at(-1)).toMatchObject({
      attempt: 2,
      worldSize: 1,
      checkpointSha256: checkpointHash(1),
    });
  });

  test('finishes a cancel that the old one had begun', async () => {
    const fakes = await addFakes(first, 1, { pauses: ['step 3'] });
    const { id } = await submit(first);
    await fakes[0]?.reached('step 3');
    await first.close();
    await stores.runs.requestCancel(id);
    expect(await stores.runs.statusOf(id)).toBe('CANCELLING');
    await restart(fakes, { kill: false });
    await reaches(id, 'CANCELLED');
    expect(fakes[0]?.stops).toHaveLength(1);
  });

  test('stops a worker that still trains a run that is over', async () => {
    const fakes = await addFakes(first, 1, { pauses: ['step 3'] });
    const { id } = await submit(first);
    await fakes[0]?.reached('step 3');
    await first.close();
    const owner = await stores.runs.acquire(id);
    const failed = { event: 'fail', reason: 'INTERNAL_ERROR', message: 'ended by hand' } as const;
    await stores.runs.transition(id, owner?.fencingToken as bigint, failed);
    const second = await restart(fakes, { kill: false });
    await nobodyIsHeld(second);
    expect(fakes[0]?.stops).toHaveLength(1);
    fakes[0]?.open('step 3');
    const next = await submit(second);
    await reaches(next.id, 'SUCCEEDED');
  });
});
