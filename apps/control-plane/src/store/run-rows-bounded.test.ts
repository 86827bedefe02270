/** How many rows a run leaves, however long it is. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  addDataset,
  addRun,
  metricOf,
  openTestStores,
  ownedRun,
  placed,
  type TestStores,
} from '../testing/store.ts';

let stores: TestStores;
let id: string;
let token: bigint;
beforeAll(async () => {
  stores = await openTestStores();
});
afterAll(() => stores.close());
beforeEach(async () => {
  await stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets CASCADE');
  id = (await addRun(stores, { dataset: await addDataset(stores) })).id;
  token = (await ownedRun(stores, id)).fencingToken;
  const move = (event: 'schedule' | 'place' | 'start') =>
    stores.runs.transition(id, token, { event, reason: 'TRAINING', message: event });
  await move('schedule');
  await stores.runs.startGeneration(id, token, { attempt: 1, generation: 1, assignments: placed() });
  await move('place');
  await move('start');
});

const report = (first: number, last: number, totalSteps: number) =>
  stores.runs.recordSteps(id, token, {
    steps: Array.from({ length: last - first + 1 }, (_, i) => metricOf(first + i)),
    progress: {
      ...{ step: last, totalSteps, epoch: 1, ratio: last / totalSteps, samplesProcessed: 16 * last },
      loss: 1,
    },
    lastSequence: last,
  });

const save = (step: number, sha256 = `${step}`.padStart(64, '0')) =>
  stores.runs.recordCheckpoint(id, token, { step, sha256, bytes: 10, at: '2030-01-01T00:00:00.000Z' });

const kept = async () =>
  (await stores.history.checkpoints(id)).filter((one) => !one.superseded).map(({ step }) => step);

test('progress is one event that moves on, for pages, streams and stories alike', async () => {
  const before = (await stores.history.events(id, {})).length;
  for (let step = 1; step <= 100; step += 1) {
    await report(step, step, 100);
    if (step === 50) await stores.runs.recordLog(id, token, { message: 'half' });
  }
  const events = await stores.history.events(id, {});
  expect(events.length).toBe(before + 2);
  const [log, progress] = events.slice(-2);
  expect([log?.message, progress?.type, progress?.data['step']]).toEqual(['half', 'progress', 100]);
  // Whoever has heard of step 50 hears of the newest step next, and of nothing twice.
  const after = await stores.history.events(id, { after: log!.sequence });
  expect(after.map(({ sequence }) => sequence)).toEqual([progress!.sequence]);
  expect(await stores.history.events(id, { after: progress!.sequence })).toEqual([]);
  const story = await stores.history.story(id, { after: 0, limit: 500 });
  expect(story.items.some(({ type }) => type === 'progress')).toBe(false);
  expect(story.nextSequence).toBe(progress!.sequence);
});

/** As if all steps but the last of these had been reported. */
async function reportUpTo(last: number, totalSteps: number): Promise<number[]> {
  const { client } = stores.database;
  await client.$executeRaw`
    INSERT INTO step_metrics (run_id, step, at, loss, learning_rate, gradient_norm, samples_per_second,
      data_seconds, forward_backward_seconds, all_reduce_seconds, optimizer_seconds)
    SELECT ${id}, step, now(), 1, 0.001, 1, 100, 0, 0.1, 0.01, 0.01
    FROM generate_series(1, ${last - 1}::int) AS step`;
  const progress = { step: last - 1, totalSteps, epoch: 0, ratio: 0, samplesProcessed: 0 };
  await client.run.update({ where: { id }, data: { progress } });
  await report(last, last, totalSteps);
  return (await stores.history.steps(id, { limit: 200_000 })).map(({ step }) => step);
}

test('a run of 10,000 steps keeps every step', async () => {
  expect((await reportUpTo(10_000, 10_000)).length).toBe(10_000);
});

test('a run of 100,000 steps keeps the newest, and of the others every sixteenth', async () => {
  const steps = await reportUpTo(20_000, 100_000);
  const sixteenths = Array.from({ length: 1125 }, (_, i) => 16 * (i + 1));
  expect(steps.filter((step) => step <= 18_000)).toEqual([1, ...sixteenths]);
  expect(steps.filter((step) => step > 18_000).length).toBe(2000);
});

test('the three newest checkpoints are kept, and none of a run that is over; each is still known by its hash', async () => {
  for (const step of [10, 20, 30, 40, 50]) await save(step);
  expect(await kept()).toEqual([50, 40, 30]);
  expect((await ownedTenure()).checkpoints.map(({ step }) => step)).toEqual([50, 40, 30]);
  await expect(save(10, 'f'.repeat(64))).rejects.toMatchObject({ code: 'NOT_DETERMINISTIC' });
  // The run had to begin again: what it saves now is what can be read.
  await save(10);
  await save(20);
  expect(await kept()).toEqual([50, 40, 30, 20, 10]);
  await save(60);
  expect(await kept()).toEqual([60, 50, 40]);
  await stores.runs.transition(id, token, { event: 'fail', reason: 'INTERNAL_ERROR', message: 'over' });
  expect(await kept()).toEqual([]);
  expect((await stores.history.checkpoints(id)).length).toBe(6);
});

async function ownedTenure() {
  const tenure = await ownedRun(stores, id);
  token = tenure.fencingToken;
  return tenure;
}
