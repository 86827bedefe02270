/** The main thread's side of the compute thread: starts it, hands it jobs, replaces it where it dies or does not listen. */
import { Worker } from 'node:worker_threads';
import type { EngineDescription } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { Compute, RunOptions } from './compute.ts';
import { errorOf, failureOf } from './failure.ts';
import type { FromThread, Job, ThreadSettings, ToThread } from './messages.ts';

export interface ComputeThreadOptions {
  readonly settings: ThreadSettings;
  readonly logger: Logger;
  /** How long an aborted job may take to come back before its thread is ended; 5 s by default. */
  readonly graceMs?: number;
  /** The thread's script; replaced in tests. */
  readonly entry?: URL;
}

/** The built file, also where this module runs from its source. */
const ENTRY = new URL('../../dist/compute/thread.js', import.meta.url);

export class ComputeThread implements Compute {
  readonly description: EngineDescription;
  readonly #options: Required<ComputeThreadOptions>;
  #thread: Promise<Worker>;
  #closed = false;

  private constructor(options: Required<ComputeThreadOptions>, first: StartedThread) {
    this.#options = options;
    this.description = first.description;
    this.#thread = Promise.resolve(first.worker);
  }

  /** Resolves when the tensor engine is ready. Rejects with BACKEND_UNAVAILABLE where it cannot be made ready. */
  static async start(options: ComputeThreadOptions): Promise<ComputeThread> {
    const complete = { graceMs: 5_000, entry: ENTRY, ...options };
    return new ComputeThread(complete, await startThread(complete));
  }

  async run(job: Job, { group, onEvent, signal }: RunOptions): Promise<void> {
    const worker = await this.#thread;
    signal.throwIfAborted();
    const ended = new AbortController();
    try {
      await new Promise<void>((resolve, reject) => {
        let grace: NodeJS.Timeout | undefined;
        const abort = () => {
          worker.postMessage({ kind: 'abort', reason: failureOf(signal.reason) } satisfies ToThread);
          grace = setTimeout(() => reject(new ThreadLost(signal.reason)), this.#options.graceMs);
        };
        signal.addEventListener('abort', abort, { once: true, signal: ended.signal });
        ended.signal.addEventListener('abort', () => clearTimeout(grace));
        const listen = (message: FromThread) => {
          if (message.kind === 'event') onEvent(message.event);
          else if (message.kind === 'done') resolve();
          else if (message.kind === 'failed') {
            const error = signal.aborted ? signal.reason : errorOf(message.failure);
            reject(message.failure.reusable ? error : new ThreadLost(error));
          }
        };
        const died = (error: unknown) => reject(new ThreadLost(errorOf(failureOf(error))));
        const exited = (code: number) => died(new Error(`The compute thread ended with code ${code}`));
        worker.on('message', listen).on('error', died).on('exit', exited);
        ended.signal.addEventListener('abort', () => {
          worker.off('message', listen).off('error', died).off('exit', exited);
        });
        worker.postMessage({ kind: 'train', job, group } satisfies ToThread, [group]);
      });
    } catch (error) {
      if (!(error instanceof ThreadLost)) throw error;
      await this.#replace(worker, error.cause);
      throw error.cause;
    } finally {
      ended.abort();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = await this.#thread.catch(() => undefined);
    await worker?.terminate();
  }

  /** Resolves when the old thread is gone; the new one warms up meanwhile and the next job waits for it. */
  async #replace(worker: Worker, reason: unknown): Promise<void> {
    const { logger } = this.#options;
    logger.warn({ event: 'compute-replaced', err: reason }, 'The compute thread is replaced');
    worker.on('error', () => undefined);
    await worker.terminate();
    if (this.#closed) return;
    this.#thread = startThread(this.#options).then((thread) => thread.worker);
    this.#thread.catch((err) =>
      logger.error({ event: 'compute-lost', err }, 'The compute thread does not start again'),
    );
  }
}

/** The job ended in a way after which its thread cannot be trusted. */
class ThreadLost extends Error {
  constructor(cause: unknown) {
    super('the compute thread is lost', { cause });
  }
}

interface StartedThread {
  readonly worker: Worker;
  readonly description: EngineDescription;
}

async function startThread({
  entry,
  settings,
  logger,
}: Required<ComputeThreadOptions>): Promise<StartedThread> {
  const worker = new Worker(entry, { workerData: settings, name: 'compute' });
  const message = await new Promise<FromThread>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (error) => reject(errorOf(failureOf(error))));
    worker.once('exit', (code) =>
      reject(new TriptychError('INTERNAL', `The compute thread ended with code ${code}`)),
    );
  });
  if (message.kind === 'ready') {
    const { description, seconds } = message;
    logger.info(
      { event: 'compute-ready', ...description, seconds },
      `Tensor engine ready: ${description.backend}`,
    );
    worker.removeAllListeners();
    return { worker, description };
  }
  await worker.terminate();
  throw message.kind === 'unusable'
    ? errorOf(message.failure)
    : new TriptychError('INTERNAL', 'The compute thread did not report');
}
