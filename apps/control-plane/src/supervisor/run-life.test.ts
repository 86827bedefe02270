/** A run that nothing happens to, on real trainers with scripted computing and the real record. Oracle: the record, and what the workers were asked. */
import type { Run } from '@triptych/protocol';
import { describe, expect, test } from 'vitest';
import { createQueue } from '../queue/create-queue.ts';
import { weightsHash } from './testing/scripts.ts';
import { allSteps, nobodyIsHeld, STEPS, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();

describe('a run that nothing happens to', () => {
  test('goes through its states to its scores and its model, and frees its workers', async () => {
    const plane = await supervisions.launch();
    const fakes = await supervisions.addScripted(plane, 2, { checkpoints: [3] });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(await supervisions.statusesOf(id)).toEqual([
      ...['QUEUED', 'SCHEDULING', 'STARTING', 'RUNNING', 'EVALUATING', 'FINALIZING', 'SUCCEEDED'],
    ]);
    const run = await supervisions.stores.runs.get(id);
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
      samplesPerSecond: 160,
      etaSeconds: 0,
    });
    expect(run.scores).toMatchObject([{ task: 'zero-shot', metric: 'top1', value: 0.9, stage: 'final' }]);
    expect(await supervisions.stepsOf(id)).toEqual(allSteps);
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
    const plane = await supervisions.launch();
    await supervisions.addScripted(plane, 2);
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    const { createdAt, startedAt, firstStepAt } = await supervisions.stores.runs.get(id);
    const times = [createdAt, startedAt, firstStepAt].map((time) => Date.parse(time as string));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Date.parse(firstStepAt as string) - Date.parse(createdAt)).toBeLessThan(2000);
  });

  test('says why it waits, and starts when a worker comes', async () => {
    const plane = await supervisions.launch();
    const { id } = await supervisions.submit(plane, { min: 2 });
    const reason = async () => (await supervisions.stores.runs.get(id)).reason;
    await expect.poll(reason, { interval: 10 }).toBe('WAITING_FOR_WORKERS');
    await supervisions.addScripted(plane, 1);
    expect(await supervisions.stores.runs.statusOf(id)).toBe('QUEUED');
    await supervisions.addScripted(plane, 1);
    await supervisions.reaches(id, 'SUCCEEDED');
  });

  test('is delivered through the real queue, too', async () => {
    const queue = await createQueue({ url: supervisions.stores.url });
    const plane = await supervisions.launch({ queue });
    await supervisions.addScripted(plane, 2);
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    await expect.poll(() => queue.depth()).toMatchObject({ waiting: 0, active: 0 });
  });

  test('is one of 100 that wait together, each with its reason, and that can all be cancelled', async () => {
    const queue = await createQueue({ url: supervisions.stores.url });
    const plane = await supervisions.launch({ queue });
    const runs = await Promise.all(Array.from({ length: 100 }, () => supervisions.submit(plane)));
    const count = async (where: { reason?: string; status?: string }) =>
      supervisions.stores.database.client.run.count({
        where: { ...where, id: { in: runs.map(({ id }) => id) } },
      });
    const waits = { timeout: 30_000, interval: 50 };
    await expect.poll(() => count({ reason: 'WAITING_FOR_WORKERS' }), waits).toBe(100);
    expect(plane.supervisor.size).toBe(100);
    await Promise.all(runs.map(({ id }) => supervisions.stores.runs.requestCancel(id)));
    expect(await count({ status: 'CANCELLED' })).toBe(100);
    await expect.poll(() => plane.supervisor.size, waits).toBe(0);
    await expect
      .poll(() => queue.depth(), waits)
      .toMatchObject({ waiting: 0, active: 0, delayed: 0, failed: 0 });
  });

  test('shares the fleet: three runs, one worker, one after the other', async () => {
    const plane = await supervisions.launch();
    const [fake] = await supervisions.addScripted(plane, 1);
    const runs: Run[] = [];
    for (let i = 0; i < 3; i++) runs.push(await supervisions.submit(plane));
    for (const { id } of runs) await supervisions.reaches(id, 'SUCCEEDED');
    expect(fake?.trains.map(({ runId }) => runId)).toEqual(runs.map(({ id }) => id));
  });
});
