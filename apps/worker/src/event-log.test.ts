import type { worker } from '@triptych/protocol';
import { describe, expect, test } from 'vitest';
import { EventLog } from './event-log.ts';
import { stepEvent } from './testing/scripted-compute.ts';

const never = new AbortController().signal;

async function all(events: AsyncIterable<worker.TrainEvent>): Promise<worker.TrainEvent[]> {
  const collected = [];
  for await (const event of events) collected.push(event);
  return collected;
}

describe('EventLog', () => {
  test('numbers events from 1 and says how old they are when they leave', async () => {
    let now = 1000;
    const log = new EventLog({ now: () => now });
    log.append(stepEvent(1));
    now = 1200;
    log.append(stepEvent(2));
    log.close();
    now = 1234;
    const events = await all(log.follow(0, never));
    expect(events.map((event) => [event.sequence, event.ageMs])).toEqual([
      [1, 234],
      [2, 34],
    ]);
  });

  test('a follower gets what came before it, what comes later, and the end', async () => {
    const log = new EventLog();
    log.append(stepEvent(1));
    const following = all(log.follow(0, never));
    log.append(stepEvent(2));
    log.close();
    expect((await following).map((event) => event.sequence)).toEqual([1, 2]);
  });

  test('whoever comes back gets the rest only', async () => {
    const log = new EventLog();
    for (let step = 1; step <= 5; step++) log.append(stepEvent(step));
    log.close();
    expect((await all(log.follow(3, never))).map((event) => event.sequence)).toEqual([4, 5]);
    expect(await all(log.follow(5, never))).toEqual([]);
  });

  test('an aborted follower stops with the reason while it waits', async () => {
    const log = new EventLog();
    const controller = new AbortController();
    const following = all(log.follow(0, controller.signal));
    controller.abort(new Error('went away'));
    await expect(following).rejects.toThrow('went away');
  });

  test('stays bounded: old steps are merged to their mean, other events and new steps stay as they were', async () => {
    const log = new EventLog({ limit: 100 });
    log.append({ $case: 'phase', value: { phase: 'training', step: 0, totalSteps: 1000, message: '' } });
    for (let step = 1; step <= 1000; step++) log.append(stepEvent(step, { loss: step }));
    log.close();
    const events = await all(log.follow(0, never));
    expect(events.length).toBeLessThanOrEqual(100);
    expect(events[0]?.event?.$case).toBe('phase');
    const steps = events.flatMap(({ event }) => (event?.$case === 'step' ? [event.value] : []));
    // Loss was set to the step: the mean over a merged stretch lies before its last step, and positions only rise.
    expect(steps.every((step) => step.loss <= step.step)).toBe(true);
    expect(steps.map((step) => step.step)).toEqual([...steps.map((step) => step.step)].sort((a, b) => a - b));
    expect(steps.at(-1)).toMatchObject({ step: 1000, loss: 1000, samplesProcessed: 8000 });
    expect(events.at(-1)?.sequence).toBe(1001);
  });

  test('merging two steps gives their mean and the position of the later', async () => {
    const log = new EventLog({ limit: 4 });
    for (let step = 1; step <= 5; step++) log.append(stepEvent(step, { loss: step * 10 }));
    log.close();
    const [first] = await all(log.follow(0, never));
    expect(first).toMatchObject({
      sequence: 2,
      event: { value: { step: 2, loss: 15, samplesProcessed: 16 } },
    });
  });
});

test('a wait that is told again and again is one event', () => {
  const log = new EventLog();
  const wait = (waiting: boolean) => log.append({ $case: 'storage', value: { waiting, message: 'no room' } });
  for (let i = 0; i < 10_000; i += 1) wait(true);
  wait(false);
  log.close();
  return expect(
    (async () => {
      const sequences = [];
      for await (const { sequence } of log.follow(0, new AbortController().signal)) sequences.push(sequence);
      return sequences;
    })(),
  ).resolves.toEqual([10_000, 10_001]);
});
