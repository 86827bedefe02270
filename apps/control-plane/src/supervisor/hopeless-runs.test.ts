/** Runs that nothing can be made of, among others: they end with a reason, and trouble neither the others nor the next start. */
import { randomUUID } from 'node:crypto';
import { TriptychError } from '@triptych/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createQueue } from '../queue/create-queue.ts';
import { isOutage } from '../store/outage.ts';
import { execute } from '../testing/postgres.ts';
import { checkpointHash } from './testing/scripts.ts';
import { allSteps, nobodyIsHeld, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();

afterEach(() => vi.restoreAllMocks());

const sql = (statement: string, values: unknown[] = []) =>
  execute(supervisions.stores.url, statement, values);

const realQueue = () =>
  createQueue({ url: supervisions.stores.url, namespace: `q_${randomUUID().slice(0, 8)}` });

const ending = async (runId: string) => {
  const { status, reason, message } = await supervisions.stores.runs.get(runId);
  return { status, reason, message };
};

/** Refuses every write to a table that concerns this run, as a constraint would that nobody thought of. */
async function refuse(
  runId: string,
  table: 'runs' | 'run_events',
  column: string,
): Promise<() => Promise<void>> {
  const name = `refuse_${randomUUID().replaceAll('-', '')}`;
  await sql(`CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.${column} = '${runId}' THEN RAISE EXCEPTION 'this run is refused'; END IF; RETURN NEW; END $$`);
  await sql(
    `CREATE TRIGGER ${name} BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${name}()`,
  );
  return async () => {
    await sql(`DROP TRIGGER ${name} ON ${table}`);
  };
}

test('a row that no release could have written ends that run alone, and the next start is as any other', async () => {
  const first = await supervisions.launch({ queue: await realQueue() });
  const damages: [column: string, value: string, said: RegExp][] = [
    ['priority', '3000000', /3000000/],
    ['spec', `'{"model":7}'`, /\/spec\/model/],
    ['spec', `'null'`, /\/spec/],
    ['progress', `'[]'`, /\/progress/],
    ['dataset_manifests', `'{}'`, /\/datasetManifests/],
  ];
  const bad = await Promise.all(damages.map(() => supervisions.submit(first)));
  const good = await supervisions.submit(first);
  await supervisions.reset();
  for (const [index, [column, value]] of damages.entries())
    await sql(`UPDATE runs SET ${column} = ${value} WHERE id = $1`, [bad[index]?.id]);
  const next = await supervisions.launch({ queue: await realQueue() });
  await supervisions.addScripted(next, 1);
  await supervisions.reaches(good.id, 'SUCCEEDED');
  for (const [index, [, , said]] of damages.entries()) {
    const { id } = bad[index] as { id: string };
    await supervisions.reaches(id, 'FAILED');
    expect(await ending(id)).toMatchObject({ reason: 'INVALID_SPEC', message: expect.stringMatching(said) });
  }
});

describe('what the record refuses', () => {
  test('a story that cannot be written: the run fails without it, the next one is as any other', async () => {
    const plane = await supervisions.launch();
    const [fake] = await supervisions.addScripted(plane, 1, { pauses: ['step 2'] });
    const { id } = await supervisions.submit(plane);
    await fake?.reached('step 2');
    const allow = await refuse(id, 'run_events', 'run_id');
    fake?.open('step 2');
    await supervisions.reaches(id, 'FAILED');
    expect(await ending(id)).toMatchObject({
      reason: 'INTERNAL_ERROR',
      message: expect.stringMatching(/The record does not take .*this run is refused/),
    });
    await nobodyIsHeld(plane);
    await allow();
    const next = await supervisions.submit(plane);
    await supervisions.reaches(next.id, 'SUCCEEDED');
  });

  test('a run of which nothing at all can be written: the others go on, and the next start works', async () => {
    const plane = await supervisions.launch();
    const bad = await supervisions.submit(plane);
    const allow = await refuse(bad.id, 'runs', 'id');
    await supervisions.addScripted(plane, 1);
    const good = await supervisions.submit(plane);
    await supervisions.reaches(good.id, 'SUCCEEDED');
    await supervisions.reset();
    const next = await supervisions.launch();
    await supervisions.addScripted(next, 1);
    const other = await supervisions.submit(next);
    await supervisions.reaches(other.id, 'SUCCEEDED');
    await allow();
    await supervisions.stores.runs.requestCancel(bad.id);
  });

  test('a supervision that fails again and again for no reason that is known', async () => {
    const plane = await supervisions.launch();
    const acquire = supervisions.stores.runs.acquire.bind(supervisions.stores.runs);
    let poisoned: string | undefined;
    vi.spyOn(supervisions.stores.runs, 'acquire').mockImplementation(async (runId) => {
      poisoned ??= runId;
      if (runId === poisoned) throw new TypeError('x is undefined');
      return acquire(runId);
    });
    const bad = await supervisions.submit(plane);
    const good = await supervisions.submit(plane);
    await supervisions.addScripted(plane, 1);
    await supervisions.reaches(good.id, 'SUCCEEDED');
    await supervisions.reaches(bad.id, 'FAILED');
    expect(await ending(bad.id)).toMatchObject({
      reason: 'INTERNAL_ERROR',
      message: 'Failed 3 times to go on: x is undefined',
    });
  });
});

describe('what a worker says that Postgres does not take', () => {
  test('U+0000 and half a surrogate pair in a message become U+FFFD', async () => {
    const plane = await supervisions.launch();
    await supervisions.addScripted(plane, 1, {
      beforeStep: () => {
        throw new TriptychError('DATASET_INVALID', 'cat\0.jpg and \uD83Ddog.jpg cannot be decoded');
      },
    });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'FAILED');
    expect(await ending(id)).toMatchObject({
      reason: 'DATASET_INVALID',
      message: expect.stringContaining('cat\uFFFD.jpg and \uFFFDdog.jpg'),
    });
  });

  test('a score that is no number is left out, and the log says so', async () => {
    const plane = await supervisions.launch();
    await supervisions.addScripted(plane, 1, { scores: { top1: Number.NaN, top5: 0.5 } });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    const { scores } = await supervisions.stores.runs.get(id);
    expect(scores.map(({ metric, value }) => [metric, value])).toEqual([['top5', 0.5]]);
    const log = (await supervisions.stores.history.events(id, {})).filter(({ type }) => type === 'log');
    expect(log.map(({ message }) => message)).toEqual([
      'final zero-shot top1 is NaN, which is no number: left out',
    ]);
  });
});

test('a step that gives other bits when it is repeated ends the run, with both hashes', async () => {
  const plane = await supervisions.launch();
  await supervisions.addScripted(plane, 1, {
    checkpoints: [2, 4],
    checkpointOf: (step, { attempt }) => checkpointHash(step === 4 && attempt > 1 ? 9 : step),
    beforeStep: (step, { attempt, checkpointSha256 }) => {
      if (attempt === 2 && checkpointSha256 === checkpointHash(4))
        throw new TriptychError('ARTIFACT_CORRUPT', 'the checkpoint of step 4 is gone');
      if (attempt === 1 && step === 5) throw new TriptychError('INTERNAL', 'a bug');
    },
  });
  const { id } = await supervisions.submit(plane);
  await supervisions.reaches(id, 'FAILED');
  const { reason, message } = await ending(id);
  expect(reason).toBe('NOT_DETERMINISTIC');
  expect(message).toContain(checkpointHash(4));
  expect(message).toContain(checkpointHash(9));
  await nobodyIsHeld(plane);
  expect(await supervisions.stepsOf(id)).toEqual(allSteps.slice(0, 4));
});

test('an outage is waited out, however long it takes', async () => {
  const plane = await supervisions.launch();
  const { runs } = supervisions.stores;
  const recordSteps = runs.recordSteps.bind(runs);
  let cuts = 0;
  vi.spyOn(runs, 'recordSteps').mockImplementation(async (...write) => {
    if (cuts++ >= 4) return recordSteps(...write);
    const error = await supervisions.stores.database.client
      .$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`
      .then(() => new Error('the connection lived'))
      .catch((cause: unknown) => cause);
    expect(isOutage(error)).toBe(true);
    throw error;
  });
  await supervisions.addScripted(plane, 1);
  const { id } = await supervisions.submit(plane);
  await supervisions.reaches(id, 'SUCCEEDED');
  expect(cuts).toBeGreaterThan(4);
  expect(await supervisions.stepsOf(id)).toEqual(allSteps);
});
