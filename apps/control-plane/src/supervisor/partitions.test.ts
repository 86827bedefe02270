/**
 * Runs whose network is cut in one direction, or forgets their connections, on real trainers and the real record. Oracle: the
 * record, and that nobody waits for anybody afterwards.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Direction } from '../testing/wire.ts';
import type { TestControlPlane } from './testing/control-plane.ts';
import type { ScriptedWorker } from './testing/scripted-worker.ts';
import { failWith, weightsHash } from './testing/scripts.ts';
import { allSteps, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();
const { min, max } = { min: 1, max: 1 };

/** STARTING, RUNNING, EVALUATING, FINALIZING. */
const phases = ['start', 'step 3', 'evaluating', 'publishing'] as const;
const directions: readonly Direction[] = ['there', 'back'];
const checkpoints = [2];

/** Every worker is idle for everybody: placement, the list of workers, and the next run. */
const everybodyIsIdle = (plane: TestControlPlane) =>
  expect
    .poll(() => plane.registry.fleet().map(({ state }) => state), { timeout: 30_000, interval: 50 })
    .toSatisfy((states: string[]) => states.length > 0 && states.every((state) => state === 'idle'));

/** One run on each of as many workers, all at their gates. */
async function runsAt(gates: readonly string[]) {
  const plane = await supervisions.launch();
  const pairs: { id: string; host: ScriptedWorker; gate: string }[] = [];
  for (const gate of gates) {
    const [host] = await supervisions.addScripted(plane, 1, { pauses: [gate], checkpoints });
    const { id } = await supervisions.submit(plane, { min, max });
    await host?.reached(gate);
    pairs.push({ id, host: host as ScriptedWorker, gate });
  }
  return { plane, pairs };
}

async function expectUndisturbed(id: string) {
  const run = await supervisions.stores.runs.get(id);
  expect(run).toMatchObject({ status: 'SUCCEEDED', weights: { sha256: weightsHash } });
  expect(await supervisions.stepsOf(id)).toEqual(allSteps);
  return run;
}

describe('a cut that is shorter than a lease', () => {
  test.each(directions)('costs no attempt, whatever the run does (packets that go %s)', async (direction) => {
    const { plane, pairs } = await runsAt(phases);
    for (const { host } of pairs) host.toWorker.cut(direction);
    for (const { host, gate } of pairs) host.open(gate);
    await delay(1000);
    for (const { host } of pairs) host.toWorker.heal();
    for (const { id } of pairs) {
      await supervisions.reaches(id, 'SUCCEEDED');
      expect(await expectUndisturbed(id)).toMatchObject({ attempt: 1 });
    }
    await everybodyIsIdle(plane);
  });
});

describe('a cut that is longer than a lease', () => {
  test.each(directions)('ends like an undisturbed run, and leaves nobody busy (%s)', async (direction) => {
    const { plane, pairs } = await runsAt(phases);
    for (const { host } of pairs) {
      host.toWorker.cut(direction);
      host.toControl.cut(direction);
    }
    for (const { host, gate } of pairs) host.open(gate);
    await delay(3000);
    for (const { host } of pairs) {
      host.toWorker.heal();
      host.toControl.heal();
    }
    for (const { id } of pairs) {
      await supervisions.reaches(id, 'SUCCEEDED');
      await expectUndisturbed(id);
    }
    await everybodyIsIdle(plane);
  });

  test('of a training that ended meanwhile: its worker is stopped, and gets the run again', async () => {
    const { plane, pairs } = await runsAt(['step 3']);
    const [{ id, host }] = pairs as [(typeof pairs)[0]];
    for (const wire of [host.toWorker, host.toControl]) {
      wire.cut('there', 'back');
      wire.reset();
    }
    // The worker knows that it has no supervisor.
    await delay(100);
    host.abortCollective('rank 1 does not answer');
    // Nobody has heard how it ended: it is what the worker reports when it is back.
    await supervisions.reaches(id, 'RECOVERING');
    expect(host.trainer.assignments()).toMatchObject([{ runId: id, attempt: 1 }]);
    host.open('step 3');
    for (const wire of [host.toWorker, host.toControl]) wire.heal();
    await supervisions.reaches(id, 'SUCCEEDED');
    await expectUndisturbed(id);
    await everybodyIsIdle(plane);
  });

  test('while a run is cancelled: it is over, and its worker serves the next one', async () => {
    for (const direction of directions) {
      const { plane, pairs } = await runsAt(['step 3']);
      const [{ id, host }] = pairs as [(typeof pairs)[0]];
      host.toWorker.cut(direction);
      host.toControl.cut(direction);
      await supervisions.stores.runs.requestCancel(id);
      await delay(2500);
      host.toWorker.heal();
      host.toControl.heal();
      host.open('step 3');
      await supervisions.reaches(id, 'CANCELLED');
      await everybodyIsIdle(plane);
      const next = await supervisions.submit(plane, { min, max });
      await supervisions.reaches(next.id, 'SUCCEEDED');
      await supervisions.reset();
    }
  });
});

describe('connections that a firewall has forgotten', () => {
  test('are replaced by new ones within 15 s, and cost no attempt', async () => {
    const plane = await supervisions.launch({ leaseMs: 6000 });
    const [host] = (await supervisions.addScripted(plane, 1, { pauses: ['step 3'] })) as [ScriptedWorker];
    const { id } = await supervisions.submit(plane, { min, max });
    await host.reached('step 3');
    const gone = plane.registry.gone(host.workerId);
    const frozenAt = performance.now();
    for (const wire of [host.toControl, host.toWorker]) wire.freeze();
    host.open('step 3');
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(performance.now() - frozenAt).toBeLessThan(15_000);
    expect(gone.aborted).toBe(false);
    expect(await expectUndisturbed(id)).toMatchObject({ attempt: 1 });
    await everybodyIsIdle(plane);
  });
});

describe('a worker that can report and cannot be reached', () => {
  test('costs a run one attempt, and is not placed again before it answers', async () => {
    const plane = await supervisions.launch();
    const [first, second] = await supervisions.addScripted(plane, 2, {});
    first?.toWorker.retarget(1);
    const { id } = await supervisions.submit(plane, { min, max });
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(await supervisions.stores.runs.get(id)).toMatchObject({ attempt: 2 });
    expect(second?.trains).toHaveLength(1);
    await delay(500);
    expect(plane.registry.fleet().find((worker) => worker.id === first?.workerId)?.state).toBe('lost');
  });
});

describe('a token that nobody gave', () => {
  const highest = Number.MAX_SAFE_INTEGER;

  test('in a Stop: the run goes on in a new attempt', async () => {
    const { plane, pairs } = await runsAt(['step 3']);
    const [{ id, host }] = pairs as [(typeof pairs)[0]];
    host.open('step 3');
    await host.trainer.stop({ runId: id, attempt: 0, fencingToken: highest, reason: 'a stranger' });
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(await expectUndisturbed(id)).toMatchObject({ attempt: 2 });
    await everybodyIsIdle(plane);
  });

  test('in a Train: the record tells that nobody took over, and the failure counts', async () => {
    const { plane, pairs } = await runsAt(['step 3']);
    const [{ id, host }] = pairs as [(typeof pairs)[0]];
    const [asked] = host.trains;
    const stolen = host.trainer.train({ ...asked!, fencingToken: highest }, new AbortController().signal);
    await stolen.next();
    host.open('step 3');
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(await expectUndisturbed(id)).toMatchObject({ attempt: 2 });
    const events = await supervisions.stores.history.events(id, { limit: 500 });
    expect(events.find(({ status }) => status === 'RECOVERING')?.data).toMatchObject({ code: 'FENCED' });
    await everybodyIsIdle(plane);
  });
});

describe('a worker that fails for good', () => {
  test('is not chosen again while there are others', async () => {
    const plane = await supervisions.launch({ blameMs: 60_000 });
    const fakes = await supervisions.addScripted(plane, 2, {
      beforeStep: (_, { peers }) => peers[0]?.workerId === broken() && failWith('BACKEND_UNAVAILABLE'),
    });
    const broken = () => fakes[0]?.workerId;
    for (let i = 0; i < 3; i++) {
      const { id } = await supervisions.submit(plane, { min, max });
      await supervisions.reaches(id, 'SUCCEEDED');
      expect(await supervisions.stores.runs.get(id)).toMatchObject({ attempt: i === 0 ? 2 : 1 });
    }
    expect(fakes.map(({ trains }) => trains.length)).toEqual([1, 3]);
  });

  test('that is shut down costs no patience, however often', async () => {
    const plane = await supervisions.launch({ failures: { limit: 2, firstDelayMs: 1 } });
    const { id } = await supervisions.submit(plane, { min, max });
    for (let i = 0; i < 3; i++) {
      const [host] = await supervisions.addScripted(plane, 1, { pauses: ['start'] });
      await host?.reached('start');
      await host?.trainer.drain('SIGTERM');
      await supervisions.reaches(id, 'QUEUED');
      host?.close();
    }
    await supervisions.addScripted(plane, 1);
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(await supervisions.stores.runs.get(id)).toMatchObject({ attempt: 4 });
  });
});
