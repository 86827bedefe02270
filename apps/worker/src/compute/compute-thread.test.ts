import { MessageChannel } from 'node:worker_threads';
import { TriptychError } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { spec } from '../testing/train-request.ts';
import { ComputeThread } from './compute-thread.ts';

let compute: ComputeThread;

beforeEach(async () => {
  compute = await ComputeThread.start({
    settings: { engine: { backend: 'cpu' }, control: '127.0.0.1:1', artifactsFolder: '/nonexistent' },
    logger: createLogger({ name: 'test', level: 'silent' }),
    graceMs: 100,
    heapMb: 64,
    entry: new URL('../testing/scripted-thread.mjs', import.meta.url),
  });
});

afterEach(() => compute.close());

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
});
