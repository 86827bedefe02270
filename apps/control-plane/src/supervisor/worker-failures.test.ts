/** Runs whose workers fail, on real trainers with scripted computing and the real record. Oracle: the record, and what the workers were asked. */
import type { ErrorCode, Run } from '@triptych/protocol';
import { describe, expect, test } from 'vitest';
import { checkpointHash, failWith } from './testing/scripts.ts';
import { allSteps, nobodyIsHeld, STEPS, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();

describe('a run whose workers fail', () => {
  test('goes on from its checkpoint with the workers that are left', async () => {
    const plane = await supervisions.launch();
    const [survivor, victim] = await supervisions.addScripted(plane, 2, {
      checkpoints: [2],
      pauses: ['step 4'],
    });
    const { id } = await supervisions.submit(plane);
    await survivor?.reached('step 4');
    await expect.poll(() => supervisions.stepsOf(id)).toEqual([1, 2, 3, 4]);
    const { startedAt } = await supervisions.stores.runs.get(id);
    victim?.crash();
    survivor?.abortCollective('rank 1 does not answer');
    await expect.poll(() => survivor?.trains.length, { timeout: 5000 }).toBe(2);
    survivor?.open('step 4');
    await supervisions.reaches(id, 'SUCCEEDED');
    // That of the first attempt.
    expect((await supervisions.stores.runs.get(id)).startedAt).toBe(startedAt);
    expect(survivor?.trains[1]).toMatchObject({
      attempt: 2,
      worldSize: 1,
      checkpointSha256: checkpointHash(2),
    });
    expect(await supervisions.statusesOf(id)).toContain('RECOVERING');
    expect(await supervisions.stepsOf(id)).toEqual(allSteps);
    expect(await supervisions.stores.runs.get(id)).toMatchObject({ attempt: 2, worldSize: 1 });
  });

  test('is recovered from a worker that hangs without closing its connection', async () => {
    const plane = await supervisions.launch();
    const [survivor, victim] = await supervisions.addScripted(plane, 2, {
      checkpoints: [1],
      pauses: ['step 2'],
    });
    const { id } = await supervisions.submit(plane);
    await survivor?.reached('step 2');
    victim?.hang();
    await expect.poll(() => survivor?.trains.length, { timeout: 10_000 }).toBe(2);
    survivor?.open('step 2');
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(survivor?.trains[1]).toMatchObject({
      attempt: 2,
      worldSize: 1,
      checkpointSha256: checkpointHash(1),
    });
  });

  test('is recovered from ranks that hang with their leases, and says where they were', async () => {
    // The attempt after that must not be silent for as long, however busy the machine.
    const plane = await supervisions.launch({ timing: { stepSilenceMs: 2500 } });
    const fakes = await supervisions.addScripted(plane, 2, { checkpoints: [1], pauses: ['step 3'] });
    const { id } = await supervisions.submit(plane);
    await expect.poll(() => fakes.map(({ stops }) => stops.length), { timeout: 15_000 }).toEqual([1, 1]);
    for (const fake of fakes) fake.open('step 3');
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(fakes.map(({ trains }) => trains.length)).toEqual([2, 2]);
    expect(fakes[0]?.trains[1]).toMatchObject({ attempt: 2, checkpointSha256: checkpointHash(1) });
    const events = await supervisions.stores.history.events(id, { limit: 500 });
    expect(events.find(({ status }) => status === 'RECOVERING')).toMatchObject({
      reason: 'WORKER_LOST',
      message: 'No rank has made progress for 2.5 s; all last reported phase training, step 3',
      data: { code: 'WORKER_LOST', step: 3 },
    });
  });

  test('fails where they hang again and again', async () => {
    const timing = { phaseSilenceMs: 50, stepSilenceMs: 50 };
    const plane = await supervisions.launch({ timing, failures: { limit: 2, firstDelayMs: 1 } });
    const fakes = await supervisions.addScripted(plane, 1, { pauses: ['start'] });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'FAILED');
    const run = await supervisions.stores.runs.get(id);
    expect(run).toMatchObject({ reason: 'FAILURES_EXHAUSTED', attempt: 2 });
    expect(run.message).toMatch(/No rank has made progress .* phase loading/);
    expect(fakes[0]?.stops).toHaveLength(2);
    await nobodyIsHeld(plane);
  });

  test('queues again where too few are left, and starts when there are enough', async () => {
    const plane = await supervisions.launch();
    const [survivor, victim] = await supervisions.addScripted(plane, 2, {
      checkpoints: [2],
      pauses: ['step 4'],
    });
    const { id } = await supervisions.submit(plane, { min: 2 });
    await survivor?.reached('step 4');
    victim?.crash();
    survivor?.abortCollective('rank 1 does not answer');
    await supervisions.reaches(id, 'QUEUED');
    expect(await supervisions.stores.runs.get(id)).toMatchObject({
      reason: 'WAITING_FOR_WORKERS',
      attempt: 1,
    });
    survivor?.open('step 4');
    const [newcomer] = await supervisions.addScripted(plane, 1);
    await supervisions.reaches(id, 'SUCCEEDED');
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
  ];
  test.each(endings)('ends at once with %s, whoever else complains first', async (code, reason, remedy) => {
    const plane = await supervisions.launch();
    const fakes = await supervisions.addScripted(plane, 2, {
      pauses: ['step 2'],
      beforeStep: (step, { rank }) => step === 3 && rank === 1 && failWith(code),
    });
    const { id } = await supervisions.submit(plane);
    await Promise.all(fakes.map((fake) => fake.reached('step 2')));
    fakes[0]?.abortCollective('rank 1 has left');
    fakes[1]?.open('step 2');
    await supervisions.reaches(id, 'FAILED');
    const run = await supervisions.stores.runs.get(id);
    expect(run).toMatchObject({ reason, attempt: 1 });
    expect(run.message).toMatch(remedy);
    await nobodyIsHeld(plane);
  });

  test('gives up after failures without progress, and says what the last one was', async () => {
    const plane = await supervisions.launch({ failures: { limit: 3, firstDelayMs: 10 } });
    const [fake] = await supervisions.addScripted(plane, 1, {
      beforeStep: (step) => step === 2 && failWith('INTERNAL', 'a bug'),
    });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'FAILED');
    const run = await supervisions.stores.runs.get(id);
    expect(run).toMatchObject({ reason: 'FAILURES_EXHAUSTED', attempt: 3 });
    expect(run.message).toMatch(/3 times without getting past step 1.*a bug/);
    expect(fake?.trains).toHaveLength(3);
    expect(await supervisions.statusesOf(id)).toContain('BACKOFF');
    await nobodyIsHeld(plane);
  });

  test('may fail as often as it likes while it gets further', async () => {
    const plane = await supervisions.launch({ failures: { limit: 2, firstDelayMs: 1 } });
    let next = 2;
    const [fake] = await supervisions.addScripted(plane, 1, {
      checkpoints: allSteps,
      beforeStep: (step) => {
        if (step !== next || step === STEPS) return;
        next += 1;
        failWith('INTERNAL');
      },
    });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(fake?.trains).toHaveLength(STEPS - 1);
    expect(await supervisions.stepsOf(id)).toEqual(allSteps);
  });

  test('passes over a checkpoint that is corrupt, and says so', async () => {
    const plane = await supervisions.launch();
    const corrupt = checkpointHash(4);
    let failed = false;
    const [fake] = await supervisions.addScripted(plane, 1, {
      checkpoints: [2, 4],
      beforeStep: (step, { checkpointSha256 }) => {
        if (checkpointSha256 === corrupt) failWith('ARTIFACT_CORRUPT', 'the hash does not match');
        if (step === 5 && !failed) {
          failed = true;
          failWith('INTERNAL');
        }
      },
    });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(fake?.trains.map(({ checkpointSha256 }) => checkpointSha256)).toEqual([
      '',
      corrupt,
      checkpointHash(2),
    ]);
    const items = await supervisions.stores.history.events(id, { limit: 500 });
    expect(items.filter(({ type }) => type === 'log').map(({ message }) => message)).toEqual([
      expect.stringMatching(/passed over/),
    ]);
  });

  test('keeps its checkpoint where another artifact is missing', async () => {
    const plane = await supervisions.launch();
    const missing = 'a'.repeat(64);
    let failures = 0;
    const [fake] = await supervisions.addScripted(plane, 1, {
      checkpoints: [2],
      beforeStep: (step, { checkpointSha256 }) => {
        if (step !== 3 || ++failures > 2) return;
        if (checkpointSha256 === '') failWith('INTERNAL');
        failWith('NOT_FOUND', `There is no artifact ${missing}`);
      },
    });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    const kept = checkpointHash(2);
    expect(fake?.trains.map(({ checkpointSha256 }) => checkpointSha256)).toEqual(['', kept, kept]);
  });
});
