/** Runs whose workers have no room: they wait, say why, and go on. The trainer is real, what it computes a script. */
import { describe, expect, test } from 'vitest';
import type { TrainerEvent } from './testing/script-compute.ts';
import { failWith } from './testing/scripts.ts';
import { allSteps, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();

const wait = (waiting: boolean, message: string): TrainerEvent => ({
  $case: 'storage',
  value: { waiting, message },
});

describe('a rank without room', () => {
  test('is told of in the run while it waits, with an event for its beginning and its end, however often it is said', async () => {
    const plane = await supervisions.launch();
    const [first, second] = await supervisions.addScripted(plane, 2, {
      pauses: ['step 2', 'step 4'],
      afterStep: (step, { rank }) => {
        if (step === 2) return Array.from({ length: 50 }, () => wait(true, `no room at rank ${rank}`));
        return step === 4 ? [wait(false, 'There is room again')] : [];
      },
    });
    const { id } = await supervisions.submit(plane, { min: 2 });
    const shown = () => supervisions.stores.runs.get(id);
    const both = /Rank 0: no room at rank 0; Rank 1: no room at rank 1/;
    await expect.poll(async () => (await shown()).message, { timeout: 10_000 }).toMatch(both);
    expect(await shown()).toMatchObject({ status: 'RUNNING', reason: 'WAITING_FOR_STORAGE' });
    for (const one of [first, second]) one?.open('step 2');
    await expect.poll(async () => (await shown()).reason, { timeout: 10_000 }).toBe('TRAINING');
    for (const one of [first, second]) one?.open('step 4');
    await supervisions.reaches(id, 'SUCCEEDED');
    const events = await supervisions.stores.history.events(id, { limit: 500 });
    const reasons = events.filter(({ type }) => type === 'state').map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'WAITING_FOR_STORAGE').length).toBeLessThanOrEqual(4);
    expect(events.find(({ message }) => message === 'There is room again')).toMatchObject({
      ...{ status: 'RUNNING', reason: 'TRAINING' },
    });
    expect(await supervisions.stepsOf(id)).toEqual(allSteps);
    expect((await shown()).attempt).toBe(1);
  });

  test('that ends its training for it is tried again, as often as it takes', async () => {
    const plane = await supervisions.launch({
      failures: { limit: 2, firstDelayMs: 1, longestDelayMs: 10 },
    });
    let left = 3;
    await supervisions.addScripted(plane, 1, {
      beforeStep: (step) => {
        if (step !== 3 || left === 0) return;
        left -= 1;
        failWith('STORAGE_FULL', 'There is no room');
      },
    });
    const { id } = await supervisions.submit(plane);
    await supervisions.reaches(id, 'SUCCEEDED');
    expect(left).toBe(0);
    expect((await supervisions.stores.runs.get(id)).attempt).toBe(4);
    const events = await supervisions.stores.history.events(id, { limit: 500 });
    expect(events.filter(({ reason }) => reason === 'WAITING_FOR_STORAGE').length).toBe(3);
  });
});
