import { MessageChannel } from 'node:worker_threads';
import { TriptychError } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { spec } from '../testing/train-request.ts';
import { ComputeThread } from './compute-thread.ts';

let compute: ComputeThread;

const start = (control = '127.0.0.1:1') =>
  ComputeThread.start({
    settings: { engine: { backend: 'cpu' }, control, version: '0.1.0', artifactsFolder: '/nonexistent' },
    logger: createLogger({ name: 'test', level: 'silent' }),
    graceMs: 100,
    startMs: 2000,
    heapMb: 64,
    entry: new URL('../testing/scripted-thread.mjs', import.meta.url),
  });

beforeEach(async () => {
  compute = await start();
});

afterEach(async () => {
  await compute.close();
  delete process.env['TRIPTYCH_TEST_STARTED'];
});

/** Runs a scripted job; resolves to the name of the thread that ran it. */
async function run(script: string, signal = new AbortController().signal): Promise<string> {
  const { port1, port2 } = new MessageChannel();
  let thread = '';
  try {
    await compute.run(
      { spec, datasetManifests: [script], rank: 0, worldSize: 1 },
      {
        group: port2,
        signal,
        onEvent: (event) => {
          if (event.$case === 'phase') thread = event.value.phase;
        },
      },
    );
    return thread;
  } finally {
    port1.close();
  }
}

describe('ComputeThread', () => {
  test('one thread runs one job after the other', async () => {
    const first = await run('finish');
    await expect(run('refuse')).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    expect(await run('finish')).toBe(first);
    expect(first).toBe(compute.description.device);
  });

  test('an abort reaches a thread that listens; it is used again, and the caller gets its own reason', async () => {
    const controller = new AbortController();
    const reason = new TriptychError('CANCELLED', 'enough');
    const job = run('wait', controller.signal);
    setImmediate(() => controller.abort(reason));
    await expect(job).rejects.toBe(reason);
    expect(await run('finish')).toBe(compute.description.device);
  });

  test('a thread that does not listen is ended and replaced', async () => {
    const controller = new AbortController();
    const reason = new TriptychError('CANCELLED', 'enough');
    const job = run('hang', controller.signal);
    setImmediate(() => controller.abort(reason));
    await expect(job).rejects.toBe(reason);
    const next = await run('finish');
    expect(next).toMatch(/^thread \d+$/);
    expect(next).not.toBe(compute.description.device);
  });

  test.each([
    ['throw', 'INTERNAL', 'nobody expected this'],
    ['exit', 'INTERNAL', 'ended with code 3'],
    ['break', 'INTERNAL', ''],
    ['hoard', 'OUT_OF_MEMORY', 'raise batch.shards'],
  ])(
    'after "%s" the job fails with %s, and the next one gets a new thread',
    async (script, code, message) => {
      const error = await run(script).catch((caught: TriptychError) => caught);
      expect(error).toBeInstanceOf(TriptychError);
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
      expect(await run('finish')).not.toBe(compute.description.device);
    },
  );

  test('a job whose signal is aborted already does not start', async () => {
    await expect(run('finish', AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
  });

  test('a thread that ended while it was idle is noticed by the next job, and replaced', async () => {
    await run('leave');
    const gone = () => run('finish').catch((error: TriptychError) => error.code);
    await vi.waitFor(async () => expect(await gone()).toBe('INTERNAL'));
    expect(await run('finish')).not.toBe(compute.description.device);
  });

  test.each(['unusable', 'mute'])('an engine that does not start again (%s) is lost', async (next) => {
    await compute.close();
    delete process.env['TRIPTYCH_TEST_STARTED'];
    compute = await start(`${next}:1`);
    await expect(run('break')).rejects.toMatchObject({ code: 'INTERNAL' });
    // Whoever waits for it may be told to stop.
    const controller = new AbortController();
    const waiting = run('finish', controller.signal);
    controller.abort(new TriptychError('CANCELLED', 'enough'));
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await compute.lost).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
    await expect(run('finish')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  });
});
