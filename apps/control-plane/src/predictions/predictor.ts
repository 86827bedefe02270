/** Makes predictions on workers that train nothing: borrows one, calls it, and turns to another where it is lost or taken. */
import {
  type ErrorCode,
  isErrorCode,
  PredictionResult,
  parse,
  TriptychError,
  type worker,
} from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { FleetWorker } from '../scheduler/place.ts';
import { type TrainerClients, trainerError } from '../supervisor/trainer-clients.ts';
import { WorkerLoans } from './worker-loans.ts';

export interface PredictorOptions {
  readonly registry: WorkerRegistry;
  /** Stay the caller's. */
  readonly clients: TrainerClients;
  readonly logger: Logger;
  /** For the whole, opening the model included. */
  readonly timeoutMs?: number;
  /** For a worker that makes another prediction. */
  readonly waitMs?: number;
}

export type PredictionStep =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'result'; readonly result: PredictionResult; readonly workerId: string };

export class Predictor {
  readonly #options: PredictorOptions;
  readonly #timeoutMs: number;
  readonly #loans: WorkerLoans;

  constructor(options: PredictorOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 300_000;
    this.#loans = new WorkerLoans(options.registry, options.waitMs ?? 20_000);
  }

  /**
   * Pieces of a text as they come, then the result. The worker is free again when it ends, however it ends.
   * @throws TriptychError UNAVAILABLE where no worker is free or the time is over; WORKER_LOST; what the worker says; the
   * reason of `signal`.
   */
  async *predict(asked: worker.PredictRequest, signal: AbortSignal): AsyncGenerator<PredictionStep, void> {
    const { modelArtifact: artifact } = asked;
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const refused = new Map<string, TriptychError>();
    for (;;) {
      const without = new Set(refused.keys());
      const loan = await this.#loans.borrow({ artifact, without, signal }).catch((error: unknown) => {
        // What the workers said tells more than that there are no others.
        throw [...refused.values()].at(-1) ?? error;
      });
      let isSilent = true;
      try {
        for await (const step of this.#ask(loan.worker, asked, { signal, timeout })) {
          isSilent = false;
          yield step;
        }
        return;
      } catch (error) {
        if (!isSilent || !isElsewherePossible(error) || timeout.aborted || signal.aborted) throw error;
        refused.set(loan.worker.id, error);
        this.#options.logger.info(
          { event: 'prediction-refused', workerId: loan.worker.id, code: error.code },
          `Worker ${loan.worker.id} did not make a prediction: ${error.message}`,
        );
      } finally {
        loan[Symbol.dispose]();
      }
    }
  }

  async *#ask(
    { id: workerId }: FleetWorker,
    asked: worker.PredictRequest,
    { signal, timeout }: { readonly signal: AbortSignal; readonly timeout: AbortSignal },
  ): AsyncGenerator<PredictionStep, void> {
    const { registry, clients } = this.#options;
    const gone = registry.gone(workerId);
    const ends = AbortSignal.any([signal, timeout, gone]);
    const call = clients.of(workerId).predict(asked);
    const cancel = () => call.cancel();
    ends.addEventListener('abort', cancel, { once: true });
    // The iterator reports the first error; grpc-js may emit more when the call is cancelled.
    call.on('error', () => {});
    try {
      ends.throwIfAborted();
      for await (const { event } of call as AsyncIterable<worker.PredictEvent>) {
        if (event?.$case === 'failed') throw predictionFailure(event.value);
        if (event?.$case === 'text') yield { kind: 'text', text: event.value.text };
        else if (event?.$case === 'made')
          yield {
            kind: 'result',
            workerId,
            result: parse(PredictionResult, JSON.parse(event.value.resultJson), 'result of a worker'),
          };
      }
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) throw tooSlow(this.#timeoutMs);
      if (gone.aborted) throw gone.reason;
      throw trainerError(error, workerId);
    } finally {
      ends.removeEventListener('abort', cancel);
      call.cancel();
    }
  }
}

/** What a worker said, as an error; a leader says it on. */
export const predictionFailure = ({ code, message, violations }: worker.PredictionFailed): TriptychError =>
  new TriptychError(isErrorCode(code) ? code : 'INTERNAL', message, { violations });

/** The worker is gone, was taken for a training, or has lost its engine: the question is not to blame. */
const isElsewherePossible = (error: unknown): error is TriptychError =>
  error instanceof TriptychError && elsewhere.has(error.code);

const elsewhere: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'WORKER_LOST', 'BACKEND_UNAVAILABLE']);

const tooSlow = (timeoutMs: number): TriptychError =>
  new TriptychError(
    'UNAVAILABLE',
    `No answer within ${timeoutMs / 1000} s; lower limits.maxNewTokens, send fewer candidates or pictures, or ask again: the model may be open by now`,
  );
