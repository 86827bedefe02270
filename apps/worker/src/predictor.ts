/** One prediction at a time on the compute thread: what it yields becomes events, what ends it becomes the last of them. */
import { TriptychError, type worker } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { PredictionOutput } from '@triptych/training';
import type { Compute } from './compute/compute.ts';
import { failureOf } from './compute/failure.ts';
import { predictionJobOf } from './predict-request.ts';

export interface PredictorOptions {
  readonly compute: Pick<Compute, 'predict'>;
  readonly logger: Logger;
}

type Event = NonNullable<worker.PredictEvent['event']>;

export class Predictor {
  readonly #options: PredictorOptions;
  #current: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(options: PredictorOptions) {
    this.#options = options;
  }

  /** Until the compute thread is free again. */
  get busy(): boolean {
    return this.#current !== undefined;
  }

  /** Ends the prediction, whose caller is told UNAVAILABLE. Resolves when the compute thread is free. */
  async end(reason: string): Promise<void> {
    this.#current?.abort.abort(new TriptychError('UNAVAILABLE', `${reason}; ask again`));
    await this.#current?.ended;
  }

  /**
   * The events of one prediction, a failure included. The worker is free when it ends.
   * @throws TriptychError INVALID_INPUT, UNAVAILABLE; the reason of `signal`.
   */
  async *predict(request: worker.PredictRequest, signal: AbortSignal): AsyncGenerator<worker.PredictEvent> {
    const job = predictionJobOf(request);
    if (this.#current) throw new TriptychError('UNAVAILABLE', 'The worker makes another prediction');
    signal.throwIfAborted();
    const abort = new AbortController();
    const events = new Arrivals();
    const ended = this.#options.compute
      .predict(job, {
        signal: AbortSignal.any([signal, abort.signal]),
        onOutput: (output) => events.add(eventOf(output)),
      })
      .catch((error: unknown) => events.add(this.#failed(error)))
      .then(() => {
        this.#current = undefined;
        events.close();
      });
    this.#current = { abort, ended };
    try {
      for await (const event of events.all()) {
        signal.throwIfAborted();
        yield { event };
      }
    } finally {
      // Whoever reads no further wants no more.
      abort.abort(new TriptychError('CANCELLED', 'The caller went away'));
      await ended;
    }
  }

  #failed(error: unknown): Event {
    const { code, message, violations } = failureOf(error);
    const isOurs = code === 'INTERNAL' || code === 'OUT_OF_MEMORY';
    this.#options.logger[isOurs ? 'error' : 'info'](
      { event: 'prediction-failed', code, ...(isOurs && { err: error }) },
      message,
    );
    return { $case: 'failed', value: { code, message, violations: [...violations] } };
  }
}

const eventOf = (output: PredictionOutput): Event =>
  output.kind === 'text'
    ? { $case: 'text', value: { text: output.text } }
    : { $case: 'made', value: { resultJson: JSON.stringify(output.result) } };

/** What came and was not yet read. One reader. */
class Arrivals {
  readonly #waiting: Event[] = [];
  #isClosed = false;
  #wake = () => {};

  add(event: Event): void {
    this.#waiting.push(event);
    this.#wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  async *all(): AsyncGenerator<Event> {
    for (;;) {
      yield* this.#waiting.splice(0);
      if (this.#waiting.length > 0) continue;
      if (this.#isClosed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
