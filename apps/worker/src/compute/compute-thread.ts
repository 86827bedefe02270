/** The main thread's side of the compute thread: starts it, hands it jobs, replaces it where it dies or does not listen. */
import { setFlagsFromString } from 'node:v8';
import { type MessagePort, SHARE_ENV, Worker } from 'node:worker_threads';
import type { EngineDescription } from '@triptych/nn';
import { type Numerics, numericsDifference, TriptychError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { Compute, PredictOptions, RunOptions } from './compute.ts';
import { errorOf, failureOf } from './failure.ts';
import type { FromThread, Job, Lease, PredictionJob, ThreadSettings, ToThread } from './messages.ts';

export interface ComputeThreadOptions {
  readonly settings: ThreadSettings;
  readonly logger: Logger;
  /** How long an aborted job may take to come back before its thread is ended; by default {@link GRACE_MS}, or more for a GPU. */
  readonly graceMs?: number;
  /** V8 heap of the thread (tensors lie outside of it); Node's default otherwise. */
  readonly heapMb?: number;
  /** How long the engine may take to be ready. */
  readonly startMs?: number;
  /** The thread's script; replaced in tests. */
  readonly entry?: URL;
}

type Complete = ComputeThreadOptions & Required<Pick<ComputeThreadOptions, 'graceMs' | 'startMs' | 'entry'>>;

/** The built file, also where this module runs from its source. */
const ENTRY = new URL('../../dist/compute/thread.js', import.meta.url);

export class ComputeThread implements Compute {
  readonly description: EngineDescription;
  readonly numerics: Numerics;
  /** Resolves, with the reason, where the engine does not start again: the process is of no use from then on. */
  readonly lost: Promise<unknown>;
  readonly #options: Complete;
  #lose: (reason: unknown) => void = () => {};
  #thread: Promise<Worker>;
  #lease: Lease | undefined;
  #closed = false;

  private constructor(options: Complete, first: StartedThread) {
    this.#options = options;
    this.description = first.description;
    this.numerics = first.numerics;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#thread = Promise.resolve(first.worker);
  }

  /** Resolves when the tensor engine is ready. Rejects with BACKEND_UNAVAILABLE where it cannot be made ready. */
  static async start(options: ComputeThreadOptions): Promise<ComputeThread> {
    const graceMs = isFragile(options.settings) ? FRAGILE_GRACE_MS : GRACE_MS;
    const complete = { graceMs, startMs: START_MS, entry: ENTRY, ...options };
    return new ComputeThread(complete, await startThread(complete));
  }

  async run(job: Job, { group, onEvent, signal }: RunOptions): Promise<void> {
    await unlessAborted(this.#thread, signal).catch((error: unknown) => {
      group.close();
      throw error;
    });
    if (signal.aborted) group.close();
    await this.#converse({
      ...{ signal, request: { kind: 'train', job, group }, transfer: [group] },
      onMessage: (message) => message.kind === 'event' && onEvent(message.event),
    });
  }

  predict(job: PredictionJob, { onOutput, signal }: PredictOptions): Promise<void> {
    return this.#converse({
      ...{ signal, request: { kind: 'predict', job }, transfer: [] },
      onMessage: (message) => message.kind === 'output' && onOutput(message.output),
    });
  }

  async #converse(conversation: Conversation): Promise<void> {
    const worker = await unlessAborted(this.#thread, conversation.signal);
    conversation.signal.throwIfAborted();
    const outcome = await converse(worker, { graceMs: this.#options.graceMs, ...conversation });
    if (!outcome) return;
    if (!outcome.reusable) await this.#replace(worker, outcome.error);
    throw outcome.error;
  }

  /** The thread fetches and publishes artifacts in the worker's name. */
  present(lease: Lease): void {
    this.#lease = lease;
    const message: ToThread = { kind: 'lease', lease };
    // One that does not start is of no use to anybody.
    this.#thread.then((worker) => worker.postMessage(message)).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = await this.#thread.catch(() => undefined);
    if (worker) await end(worker, this.#options);
  }

  /** Resolves when the old thread is gone; the new one warms up meanwhile and the next job waits for it. */
  async #replace(worker: Worker, reason: unknown): Promise<void> {
    const { logger } = this.#options;
    logger.warn({ event: 'compute-replaced', err: reason }, 'The compute thread is replaced');
    worker.on('error', () => undefined);
    await end(worker, this.#options);
    if (this.#closed) return;
    const settings = {
      ...this.#options.settings,
      ...(this.#lease && { leaseSecret: this.#lease.secret, control: this.#lease.control }),
    };
    this.#thread = startThread({ ...this.#options, settings }).then(async (thread) => {
      await this.#assertSame(thread);
      return thread.worker;
    });
    this.#thread.catch((err: unknown) => {
      logger.error({ event: 'compute-lost', err }, 'The compute thread does not start again');
      this.#lose(err);
    });
  }

  /** What was registered must stay true: `auto` may find another engine the second time, and a driver may be another one. */
  async #assertSame({ worker, numerics }: StartedThread): Promise<void> {
    const difference = numericsDifference(this.numerics, numerics);
    if (!difference) return;
    await worker.terminate();
    throw new TriptychError(
      'OTHER_NUMERICS',
      `The compute thread came back with ${difference.other}; it had ${difference.one}`,
    );
  }
}

/** A driver that hangs is as good as none; a large GPU may need minutes. */
const START_MS = 300_000;
const GRACE_MS = 5_000;
/** What Node gives as the id of a thread that has ended. */
const GONE = -1;
const FRAGILE_GRACE_MS = 120_000;

/**
 * Dawn aborts the whole process where a thread is terminated inside one of its calls, or before an answer of the GPU has come. The
 * first step compiles every shader in one go, so a healthy thread may be silent for long.
 */
const isFragile = ({ engine }: ThreadSettings): boolean => engine.backend === 'webgpu';

/** Resolves when the thread is gone. A fragile one ends by itself; only one that hangs is terminated. */
async function end(worker: Worker, { settings, graceMs }: Complete): Promise<void> {
  const alive = worker.threadId !== GONE;
  if (alive && isFragile(settings)) {
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ kind: 'close' } satisfies ToThread);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([gone, late]);
    clearTimeout(timer);
  }
  await worker.terminate();
}

interface Conversation {
  readonly request: ToThread;
  readonly transfer: readonly MessagePort[];
  readonly onMessage: (message: FromThread) => void;
  readonly signal: AbortSignal;
}

interface Failed {
  readonly error: unknown;
  /** False: the thread is gone, does not answer, or cannot be trusted any more. */
  readonly reusable: boolean;
}

/** Hands a job to the thread and listens until it is over; nothing where it went well. */
function converse(
  worker: Worker,
  { request, transfer, onMessage, signal, graceMs }: Conversation & { readonly graceMs: number },
): Promise<Failed | undefined> {
  return new Promise((resolve) => {
    let grace: NodeJS.Timeout | undefined;
    const settle = (outcome: Failed | undefined) => {
      clearTimeout(grace);
      signal.removeEventListener('abort', abort);
      worker.off('message', listen).off('error', died).off('exit', exited);
      resolve(outcome);
    };
    const listen = (message: FromThread) => {
      if (message.kind === 'done') settle(undefined);
      else if (message.kind === 'failed') {
        // After an abort the thread fails with whatever was interrupted; the cause is what the caller gave.
        const error = signal.aborted ? signal.reason : errorOf(message.failure);
        settle({ error, reusable: message.failure.reusable || signal.aborted });
      } else onMessage(message);
    };
    const died = (error: unknown) => settle({ error: errorOf(failureOf(error)), reusable: false });
    const exited = (code: number) => died(new Error(`The compute thread ended with code ${code}`));
    const abort = () => {
      worker.postMessage({ kind: 'abort', reason: failureOf(signal.reason) } satisfies ToThread);
      grace = setTimeout(() => settle({ error: signal.reason, reusable: false }), graceMs);
    };
    // One that ended while it had nothing to do tells nobody.
    if (worker.threadId === GONE) {
      died(new Error('The compute thread has ended'));
      return;
    }
    worker.on('message', listen).on('error', died).on('exit', exited);
    signal.addEventListener('abort', abort);
    worker.postMessage(request, [...transfer]);
  });
}

interface StartedThread {
  readonly worker: Worker;
  readonly description: EngineDescription;
  readonly numerics: Numerics;
}

/**
 * What a step allocates dies with the step. With V8's small nursery it is promoted first, and the old generation is marked five
 * times a second by threads that compete with the engine: a quarter of a core, against 6 % with this one.
 */
const NURSERY_FLAGS = ['--min-semi-space-size=64', '--max-semi-space-size=128'];

async function startThread({ entry, settings, logger, heapMb, startMs }: Complete): Promise<StartedThread> {
  // Read when an isolate is made, so they hold for the thread and not for this one.
  for (const flag of NURSERY_FLAGS) setFlagsFromString(flag);
  const worker = new Worker(entry, {
    workerData: settings,
    name: 'compute',
    // Native libraries read the environment of the process: a copy of it would hide from them what the thread sets.
    env: SHARE_ENV,
    ...(heapMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
  });
  const message = await firstMessage(worker, startMs).catch(async (error: unknown) => {
    await worker.terminate();
    throw error;
  });
  if (message.kind === 'ready') {
    const { description, numerics, seconds } = message;
    logger.info(
      { event: 'compute-ready', ...description, numerics: numerics.digest, seconds },
      `Tensor engine ready: ${description.backend}`,
    );
    if (description.fallback !== undefined)
      logger.warn(
        { event: 'engine-fallback', backend: description.backend },
        `${description.backend} computes, because of ${description.fallback}`,
      );
    return { worker, description, numerics };
  }
  await worker.terminate();
  throw message.kind === 'unusable'
    ? errorOf(message.failure)
    : new TriptychError('INTERNAL', 'The compute thread did not report');
}

/** Not with removeAllListeners: that would take Node's own listeners along, and the worker would fall silent. */
function firstMessage(worker: Worker, startMs: number): Promise<FromThread> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      stop();
      reject(
        new TriptychError(
          'BACKEND_UNAVAILABLE',
          `The tensor engine was not ready within ${startMs / 1000} s`,
        ),
      );
    }, startMs);
    const stop = () => {
      clearTimeout(late);
      unlisten();
    };
    const unlisten = () => worker.off('message', reported).off('error', died).off('exit', exited);
    const reported = (message: FromThread) => {
      stop();
      resolve(message);
    };
    const died = (error: unknown) => {
      stop();
      reject(errorOf(failureOf(error)));
    };
    const exited = (code: number) => died(new Error(`The compute thread ended with code ${code}`));
    worker.on('message', reported).on('error', died).on('exit', exited);
  });
}

/** @throws the signal's reason where it is aborted before */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = () => {};
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        abort = () => reject(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
      }),
    ]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
