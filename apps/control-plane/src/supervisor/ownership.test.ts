/**
 * Whose a run is: its user may cancel it in every state, and a control plane that is restarted takes it over.
 * Real trainers with scripted computing, the real record. Oracle: the record, and what the workers were asked.
 */
import type { RunStatus } from '@triptych/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { TestControlPlane } from './testing/control-plane.ts';
import type { ScriptedWorker } from './testing/scripted-worker.ts';
import { checkpointHash, failWith } from './testing/scripts.ts';
import { allSteps, nobodyIsHeld, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();

describe('cancelling', () => {
  const gates: [RunStatus, string][] = [
    ['STARTING', 'start'],
    ['RUNNING', 'step 2'],
    ['EVALUATING', 'evaluating'],
    ['FINALIZING', 'publishing'],
  ];
  test.each(gates)('a run that is %s stops every worker first', async (status, gate) => {
    const plane = await supervisions.launch();
    const fakes = await supervisions.addScripted(plane, 2, { pauses: [gate] });
    const { id } = await supervisions.submit(plane);
    await Promise.all(fakes.map((fake) => fake.reached(gate)));
    await supervisions.reaches(id, status);
    await supervisions.stores.runs.requestCancel(id);
    await supervisions.reaches(id, 'CANCELLED');
    const reason = 'The run was cancelled';
    expect(fakes.map(({ stops }) => stops[0])).toMatchObject([{ reason }, { reason }]);
    expect((await supervisions.statusesOf(id)).slice(-3)).toEqual([status, 'CANCELLING', 'CANCELLED']);
    await nobodyIsHeld(plane);
  });

  test('a run that waits leaves the waiting room', async () => {
    const plane = await supervisions.launch();
    const { id } = await supervisions.submit(plane);
    await expect.poll(() => plane.supervisor.size).toBe(1);
    await supervisions.stores.runs.requestCancel(id);
    await supervisions.reaches(id, 'CANCELLED');
    await expect.poll(() => plane.supervisor.size).toBe(0);
    const [fake] = await supervisions.addScripted(plane, 1);
    const other = await supervisions.submit(plane);
    await supervisions.reaches(other.id, 'SUCCEEDED');
    expect(fake?.trains.map(({ runId }) => runId)).toEqual([other.id]);
  });

  test('a run that is RECOVERING or in BACKOFF', async () => {
    const plane = await supervisions.launch({
      failures: { firstDelayMs: 60_000 },
      timing: { graceMs: 60_000 },
    });
    const [fake] = await supervisions.addScripted(plane, 1, {
      beforeStep: (step) => step === 2 && failWith('INTERNAL'),
    });
    const backingOff = await supervisions.submit(plane);
    await supervisions.reaches(backingOff.id, 'BACKOFF');
    await supervisions.stores.runs.requestCancel(backingOff.id);
    await supervisions.reaches(backingOff.id, 'CANCELLED');
    fake?.close();

    const pair = await supervisions.addScripted(plane, 2, { pauses: ['step 2'] });
    const recovering = await supervisions.submit(plane, { min: 2 });
    await pair[0]?.reached('step 2');
    pair[1]?.crash();
    pair[0]?.abortCollective('rank 1 does not answer');
    await supervisions.reaches(recovering.id, 'RECOVERING');
    await supervisions.stores.runs.requestCancel(recovering.id);
    await supervisions.reaches(recovering.id, 'CANCELLED');
  });

  test('waits for a worker that hangs until its lease is over', async () => {
    const plane = await supervisions.launch();
    const [fake] = await supervisions.addScripted(plane, 1, { pauses: ['step 2'] });
    const { id } = await supervisions.submit(plane);
    await fake?.reached('step 2');
    fake?.crash();
    await supervisions.stores.runs.requestCancel(id);
    await supervisions.reaches(id, 'CANCELLED');
    expect(plane.registry.isAlive(fake?.workerId as string)).toBe(false);
  });
});

describe('a control plane that is restarted', () => {
  let first: TestControlPlane;
  beforeEach(async () => {
    first = await supervisions.launch();
  });

  const restart = async (
    fakes: readonly ScriptedWorker[],
    { kill, ...options }: { kill: boolean } & Parameters<typeof supervisions.launch>[0],
  ) => {
    // Killed: the old one is never told, and goes on believing that it owns the run.
    if (!kill) await first.close();
    const second = await supervisions.launch(options);
    for (const fake of fakes) fake.moveTo(second.port);
    await expect.poll(() => fakes.every(({ workerId }) => second.registry.isAlive(workerId))).toBe(true);
    return second;
  };

  test.each([{ kill: true }, { kill: false }])(
    'takes the live generation over ($kill: killed)',
    async (how) => {
      const fakes = await supervisions.addScripted(first, 2, { pauses: ['step 3'], checkpoints: [1] });
      const { id } = await supervisions.submit(first);
      await Promise.all(fakes.map((fake) => fake.reached('step 3')));
      await expect.poll(() => supervisions.stepsOf(id)).toEqual([1, 2, 3]);
      const second = await restart(fakes, how);
      await expect.poll(() => fakes[0]?.trains.length, { timeout: 5000 }).toBe(2);
      for (const fake of fakes) fake.open('step 3');
      await supervisions.reaches(id, 'SUCCEEDED');
      expect(await supervisions.stores.runs.get(id)).toMatchObject({ attempt: 1 });
      expect(await supervisions.stepsOf(id)).toEqual(allSteps);
      const [before, after] = fakes[0]?.trains ?? [];
      expect(after).toMatchObject({ attempt: 1, generation: before?.generation });
      expect(after?.afterSequence).toBeGreaterThanOrEqual(5);
      expect(after?.fencingToken).toBeGreaterThan(before?.fencingToken as number);
      expect(await supervisions.statusesOf(id)).not.toContain('RECOVERING');
      await nobodyIsHeld(second);
    },
  );

  test('recovers where one of the workers did not come back', async () => {
    const fakes = await supervisions.addScripted(first, 2, { pauses: ['step 3'], checkpoints: [1] });
    const { id } = await supervisions.submit(first);
    await Promise.all(fakes.map((fake) => fake.reached('step 3')));
    await expect.poll(() => supervisions.stepsOf(id)).toEqual([1, 2, 3]);
    await first.close();
    fakes[1]?.crash();
    await restart([fakes[0] as ScriptedWorker], { kill: false });
    fakes[0]?.open('step 3');
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(fakes[0]?.trains.at(-1)).toMatchObject({
      attempt: 2,
      worldSize: 1,
      checkpointSha256: checkpointHash(1),
    });
  });

  test('takes the workers back that come too late, and say that they still train the run', async () => {
    const fakes = await supervisions.addScripted(first, 2, { pauses: ['step 3'], checkpoints: [1] });
    const { id } = await supervisions.submit(first, { min: 2 });
    await Promise.all(fakes.map((fake) => fake.reached('step 3')));
    await expect.poll(() => supervisions.stepsOf(id)).toEqual([1, 2, 3]);
    await first.close();
    for (const { toWorker } of fakes) toWorker.cut('there', 'back');
    const second = await supervisions.launch({ timing: { returnWindowMs: 1 } });
    await supervisions.reaches(id, 'QUEUED');
    for (const { toWorker } of fakes) {
      // What was sent on the way that was cut comes to nothing.
      toWorker.reset();
      toWorker.heal();
    }
    for (const fake of fakes) fake.moveTo(second.port);
    await expect.poll(() => fakes.map(({ trains }) => trains.at(-1)?.attempt)).toEqual([2, 2]);
    for (const fake of fakes) fake.open('step 3');
    await supervisions.reaches(id, 'SUCCEEDED');
    const reason = 'No run holds this worker';
    expect(fakes.map(({ stops }) => stops[0])).toMatchObject([{ reason }, { reason }]);
    await nobodyIsHeld(second);
  });

  test('goes on with the backend that the run began with, however long it waits for it', async () => {
    const [fake] = await supervisions.addScripted(first, 1, { pauses: ['step 3'], checkpoints: [1] });
    const { id } = await supervisions.submit(first);
    await fake?.reached('step 3');
    await expect.poll(() => supervisions.stepsOf(id)).toEqual([1, 2, 3]);
    await first.close();
    fake?.crash();
    const second = await restart([], { kill: false });
    const [other] = await supervisions.addScripted(second, 1, { numerics: { backend: 'cpu' } });
    await supervisions.reaches(id, 'QUEUED');
    expect(await supervisions.stores.runs.get(id)).toMatchObject({ reason: 'WAITING_FOR_WORKERS' });
    const [same] = await supervisions.addScripted(second, 1);
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(other?.trains).toEqual([]);
    // A call that broke may have been repeated.
    for (const train of same?.trains ?? [])
      expect(train).toMatchObject({ attempt: 2, checkpointSha256: checkpointHash(1) });
    expect(same?.trains.length).toBeGreaterThan(0);
  });

  test('has the patience that was left, and passes over the same checkpoint', async () => {
    const corrupt = checkpointHash(4);
    await first.close();
    const failures = { limit: 3, firstDelayMs: 60_000 };
    first = await supervisions.launch({ failures });
    const [fake] = await supervisions.addScripted(first, 1, {
      checkpoints: [2, 4],
      beforeStep: (step, { checkpointSha256 }) => {
        if (checkpointSha256 === corrupt) failWith('ARTIFACT_CORRUPT', 'the hash does not match');
        if (step === 5) failWith('INTERNAL', 'a bug');
      },
    });
    const { id } = await supervisions.submit(first);
    // Step 5 fails, then the checkpoint of step 4; two failures without a step further.
    await supervisions.reaches(id, 'BACKOFF');
    await restart([fake as ScriptedWorker], { kill: false, failures });
    await supervisions.reaches(id, 'FAILED');
    expect(await supervisions.stores.runs.get(id)).toMatchObject({
      reason: 'FAILURES_EXHAUSTED',
      attempt: 3,
    });
    expect(fake?.trains.map(({ checkpointSha256 }) => checkpointSha256)).toEqual([
      '',
      corrupt,
      checkpointHash(2),
    ]);
  });

  test('finishes a cancel that the old one had begun', async () => {
    const fakes = await supervisions.addScripted(first, 1, { pauses: ['step 3'] });
    const { id } = await supervisions.submit(first);
    await fakes[0]?.reached('step 3');
    await first.close();
    await supervisions.stores.runs.requestCancel(id);
    expect(await supervisions.stores.runs.statusOf(id)).toBe('CANCELLING');
    await restart(fakes, { kill: false });
    await supervisions.reaches(id, 'CANCELLED');
    expect(fakes[0]?.stops).toHaveLength(1);
  });

  test('stops a worker that still trains a run that is over', async () => {
    const fakes = await supervisions.addScripted(first, 1, { pauses: ['step 3'] });
    const { id } = await supervisions.submit(first);
    await fakes[0]?.reached('step 3');
    await first.close();
    const owner = await supervisions.stores.runs.acquire(id);
    const failed = { event: 'fail', reason: 'INTERNAL_ERROR', message: 'ended by hand' } as const;
    await supervisions.stores.runs.transition(id, owner?.fencingToken as bigint, failed);
    const second = await restart(fakes, { kill: false });
    await nobodyIsHeld(second);
    expect(fakes[0]?.stops).toHaveLength(1);
    fakes[0]?.open('step 3');
    const next = await supervisions.submit(second);
    await supervisions.reaches(next.id, 'SUCCEEDED');
  });
});
