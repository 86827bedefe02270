import { memoryGroups } from '@triptych/collective';
import { type ErrorCode, TriptychError, type worker } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ScriptedCompute } from './testing/scripted-compute.ts';
import { trainRequest } from './testing/train-request.ts';
import { Trainer } from './trainer.ts';

let compute: ScriptedCompute;
let trainer: Trainer;

beforeEach(() => {
  compute = new ScriptedCompute();
  const logger = createLogger({ name: 'test', level: 'silent' });
  trainer = new Trainer({ compute, logger, hub: { connect: async () => memoryGroups(1)[0]! } });
});

afterEach(() => vi.useRealTimers());

/** A supervisor's open call: its events so far, and how it ended. */
class Call {
  readonly events: worker.TrainEvent[] = [];
  readonly ended: Promise<TriptychError | undefined>;
  readonly #connection = new AbortController();
  #wake: (() => void)[] = [];

  constructor(changes: Partial<worker.TrainRequest> = {}) {
    this.ended = this.#collect(trainRequest(changes)).then(
      () => undefined,
      (error: TriptychError) => error,
    );
  }

  /** Waits until `count` events have come. */
  async received(count: number): Promise<this> {
    while (this.events.length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this;
  }

  get steps(): number[] {
    return this.events.flatMap(({ event }) => (event?.$case === 'step' ? [event.value.step] : []));
  }

  get last(): worker.TrainEvent['event'] {
    return this.events.at(-1)?.event;
  }

  hangUp(): Promise<unknown> {
    this.#connection.abort(new Error('connection lost'));
    return this.ended;
  }

  async #collect(request: worker.TrainRequest): Promise<void> {
    for await (const event of trainer.train(request, this.#connection.signal)) {
      this.events.push(event);
      for (const wake of this.#wake.splice(0)) wake();
    }
  }
}

const started = () => vi.waitFor(() => expect(compute.running).toBe(1));

async function expectRefusal(call: Call, code: ErrorCode): Promise<TriptychError> {
  const error = await call.ended;
  expect(error).toBeInstanceOf(TriptychError);
  expect(error?.code).toBe(code);
  return error as TriptychError;
}

describe('one training', () => {
  test('streams the events and ends with Finished; the worker is free by then', async () => {
    const call = new Call();
    await started();
    compute.step(1);
    compute.step(2);
    compute.finish();
    expect(await call.ended).toBeUndefined();
    expect(call.steps).toEqual([1, 2]);
    expect(call.last).toEqual({ $case: 'finished', value: { step: 2 } });
    expect(compute.jobs[0]).toMatchObject({ rank: 0, worldSize: 1, datasetManifests: ['a'.repeat(64)] });
    expect(trainer.assignments()).toEqual([]);
  });

  test('a failure becomes the last event, with code, step and the rank to blame', async () => {
    const call = new Call();
    await started();
    compute.step(7);
    compute.fail(new TriptychError('COLLECTIVE_ABORTED', 'cut off', { cause: { rank: 3 } }));
    expect(await call.ended).toBeUndefined();
    expect(call.last).toEqual({
      $case: 'failed',
      value: { code: 'COLLECTIVE_ABORTED', message: 'cut off', step: 7, blamedRank: 3 },
    });
  });

  test('a group that does not come together fails the training', async () => {
    const failing = new TriptychError('COLLECTIVE_ABORTED', 'no link with rank 1');
    const hub = { connect: () => Promise.reject(failing) };
    trainer = new Trainer({ compute, hub, logger: createLogger({ name: 'test', level: 'silent' }) });
    const call = new Call();
    await call.ended;
    expect(call.last).toMatchObject({ $case: 'failed', value: { code: 'COLLECTIVE_ABORTED' } });
    expect(compute.running).toBe(0);
  });

  test('everything that is wrong with a request is said at once, and nothing starts', async () => {
    const error = await expectRefusal(
      new Call({ specJson: '{"model": 7}', rank: 4, datasetManifests: ['nope'], checkpointSha256: 'x' }),
      'INVALID_INPUT',
    );
    const paths = error.violations.map((violation) => violation.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        '/specJson/model',
        '/specJson/seed',
        '/rank',
        '/datasetManifests',
        '/checkpointSha256',
      ]),
    );
    expect(compute.jobs).toEqual([]);
  });
});

describe('supervisors', () => {
  test('training goes on without one; a new one with a higher token gets the rest', async () => {
    const first = new Call();
    await started();
    compute.step(1);
    await first.received(1);
    await first.hangUp();
    compute.step(2);
    expect(trainer.assignments()).toEqual([{ runId: 'run-1', attempt: 1, generation: 1, rank: 0 }]);
    const second = new Call({ fencingToken: 2, afterSequence: 1 });
    await second.received(1);
    compute.step(3);
    compute.finish();
    await second.ended;
    expect(second.steps).toEqual([2, 3]);
    expect(compute.jobs).toHaveLength(1);
  });

  test('a second one takes the stream over: the first is fenced', async () => {
    const first = new Call();
    await started();
    const second = new Call({ fencingToken: 2 });
    await expectRefusal(first, 'FENCED');
    compute.finish();
    expect(await second.ended).toBeUndefined();
  });

  test('a lower token is fenced, for Train and for Stop, and changes nothing', async () => {
    const call = new Call({ fencingToken: 5 });
    await started();
    await expectRefusal(new Call({ fencingToken: 4 }), 'FENCED');
    await expect(
      trainer.stop({ runId: 'run-1', attempt: 1, fencingToken: 4, reason: '' }),
    ).rejects.toMatchObject({
      code: 'FENCED',
    });
    compute.finish();
    expect(await call.ended).toBeUndefined();
    expect(call.last?.$case).toBe('finished');
  });

  test('one that comes after the end still gets the last event', async () => {
    const first = new Call();
    await started();
    await first.hangUp();
    compute.step(1);
    compute.finish();
    await vi.waitFor(() => expect(compute.running).toBe(0));
    expect(trainer.assignments()).toHaveLength(1);
    const second = new Call({ fencingToken: 2 });
    await second.ended;
    expect(second.events.map(({ event }) => event?.$case)).toEqual(['step', 'finished']);
    expect(trainer.assignments()).toEqual([]);
  });

  test('when none comes back within the window, the training stops by itself', async () => {
    vi.useFakeTimers();
    const first = new Call({ reattachMs: 1_000 });
    await vi.waitFor(() => expect(compute.running).toBe(1));
    await first.hangUp();
    await vi.advanceTimersByTimeAsync(999);
    expect(compute.running).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(compute.running).toBe(0);
    const late = new Call({ fencingToken: 2 });
    await late.ended;
    expect(late.last).toMatchObject({ $case: 'failed', value: { code: 'CANCELLED' } });
  });

  test('while a control plane says that nobody leads, it goes on for as long as that lasts', async () => {
    vi.useFakeTimers();
    const first = new Call({ reattachMs: 1_000 });
    await vi.waitFor(() => expect(compute.running).toBe(1));
    // Whoever is attached has it in hand.
    trainer.nobodyLeads();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(compute.running).toBe(1);
    await first.hangUp();
    for (let time = 0; time < 10; time++) {
      await vi.advanceTimersByTimeAsync(900);
      trainer.nobodyLeads();
    }
    expect(compute.running).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(compute.running).toBe(0);
    trainer.nobodyLeads();
  });

  test('one that came back in time keeps it alive', async () => {
    vi.useFakeTimers();
    const first = new Call({ reattachMs: 1_000 });
    await vi.waitFor(() => expect(compute.running).toBe(1));
    await first.hangUp();
    const second = new Call({ fencingToken: 2, reattachMs: 1_000 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(compute.running).toBe(1);
    compute.finish();
    expect(await second.ended).toBeUndefined();
  });
});

describe('one training at a time', () => {
  test('another run is refused while one is live, and taken when it is over', async () => {
    const call = new Call();
    await started();
    const refusal = await expectRefusal(new Call({ runId: 'run-2' }), 'ILLEGAL_STATE');
    expect(refusal.message).toContain('run-1');
    compute.finish();
    await call.ended;
    const next = new Call({ runId: 'run-2' });
    await started();
    compute.finish();
    expect(await next.ended).toBeUndefined();
  });

  test('who hears the last event can start the next training at once', async () => {
    const call = new Call();
    await started();
    compute.finish();
    await call.received(1);
    const next = new Call({ runId: 'run-2' });
    await started();
    compute.finish();
    expect(await next.ended).toBeUndefined();
  });

  test('a newer generation of the run replaces the old one; the old one never comes back', async () => {
    const old = new Call();
    await started();
    const next = new Call({ generation: 2, fencingToken: 2 });
    await old.ended;
    expect(old.last).toMatchObject({ $case: 'failed', value: { code: 'FENCED' } });
    await vi.waitFor(() => expect(compute.jobs).toHaveLength(2));
    expect(compute.running).toBe(1);
    await expectRefusal(new Call({ generation: 1, fencingToken: 9 }), 'FENCED');
    compute.finish();
    expect(await next.ended).toBeUndefined();
  });

  test('Stop answers when the compute thread is free, and says whether there was anything', async () => {
    const call = new Call();
    await started();
    expect(await trainer.stop({ runId: 'other', attempt: 1, fencingToken: 1, reason: '' })).toEqual({
      wasRunning: false,
    });
    expect(
      await trainer.stop({ runId: 'run-1', attempt: 1, fencingToken: 1, reason: 'cancelled by user' }),
    ).toEqual({
      wasRunning: true,
    });
    expect(compute.running).toBe(0);
    await call.ended;
    expect(call.last).toMatchObject({
      $case: 'failed',
      value: { code: 'CANCELLED', message: 'cancelled by user' },
    });
    expect(await trainer.stop({ runId: 'run-1', attempt: 1, fencingToken: 1, reason: '' })).toEqual({
      wasRunning: false,
    });
  });

  test('a Stop that overtook its Train keeps it from starting; a later attempt is another matter', async () => {
    await trainer.stop({ runId: 'run-1', attempt: 1, fencingToken: 1, reason: '' });
    await expectRefusal(new Call(), 'FENCED');
    expect(compute.jobs).toEqual([]);
    const next = new Call({ attempt: 2 });
    await started();
    compute.finish();
    expect(await next.ended).toBeUndefined();
  });

  test('a Stop of an attempt that is over leaves the next one alone', async () => {
    const call = new Call({ attempt: 2 });
    await started();
    expect(await trainer.stop({ runId: 'run-1', attempt: 1, fencingToken: 9, reason: '' })).toEqual({
      wasRunning: false,
    });
    compute.finish();
    await call.ended;
    expect(call.last?.$case).toBe('finished');
  });

  test.each(['stop', 'train'])('a token that nobody gave (%s) does not outlive its attempt', async (how) => {
    const highest = Number.MAX_SAFE_INTEGER;
    const call = new Call();
    await started();
    if (how === 'stop') await trainer.stop({ runId: 'run-1', attempt: 0, fencingToken: highest, reason: '' });
    else void new Call({ fencingToken: highest });
    await call.ended;
    const next = new Call({ attempt: 2 });
    await vi.waitFor(() => expect(compute.jobs).toHaveLength(2));
    compute.finish();
    expect(await next.ended).toBeUndefined();
    expect(next.last?.$case).toBe('finished');
  });

  test('what nobody asked about within the window, or was stopped, is not reported any more', async () => {
    vi.useFakeTimers();
    for (const isStopped of [true, false]) {
      const call = new Call({ runId: `run-${isStopped}`, reattachMs: 1000 });
      await vi.waitFor(() => expect(compute.running).toBe(1));
      await call.hangUp();
      compute.fail(new TriptychError('COLLECTIVE_ABORTED', 'rank 1 is gone'));
      await vi.waitFor(() => expect(compute.running).toBe(0));
      await vi.waitFor(() => expect(trainer.assignments()).toHaveLength(1));
      if (isStopped) await trainer.stop({ runId: 'run-true', attempt: 1, fencingToken: 1, reason: '' });
      else await vi.advanceTimersByTimeAsync(1000);
      expect(trainer.assignments()).toEqual([]);
    }
  });

  test('a process at the address of one that is gone has nothing of what that one did', async () => {
    let workerId = '';
    const logger = createLogger({ name: 'test', level: 'silent' });
    const hub = { connect: async () => memoryGroups(1)[0]! };
    trainer = new Trainer({ compute, logger, hub, workerId: () => workerId });
    await expectRefusal(new Call(), 'UNAVAILABLE');
    workerId = 'w-1';
    await expectRefusal(new Call(), 'WORKER_LOST');
    expect(compute.jobs).toEqual([]);
    workerId = 'w-0';
    await expectRefusal(new Call({ afterSequence: 7 }), 'WORKER_LOST');
    const call = new Call();
    await started();
    compute.finish();
    expect(await call.ended).toBeUndefined();
  });

  test('a draining worker ends its training so that the run can go on elsewhere, and takes nothing new', async () => {
    const call = new Call();
    await started();
    await trainer.drain('SIGTERM');
    await call.ended;
    expect(call.last).toMatchObject({ $case: 'failed', value: { code: 'WORKER_DRAINED' } });
    await expectRefusal(new Call({ runId: 'run-2' }), 'WORKER_DRAINED');
  });
});
