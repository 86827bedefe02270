/** Idle workers for predictions, lent by the registry so that no run is placed on them meanwhile. */
import { TriptychError } from '@triptych/protocol';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { FleetWorker } from '../scheduler/place.ts';
import { chooseWorker } from './choose-worker.ts';

export interface Loan extends Disposable {
  readonly worker: FleetWorker;
}

export interface LoanRequest {
  /** Of the model that will be asked. */
  readonly artifact: string;
  /** Workers that have just refused. */
  readonly without: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

export class WorkerLoans {
  readonly #registry: WorkerRegistry;
  readonly #waitMs: number;
  /** By worker: the model that it was last asked. */
  readonly #opened = new Map<string, string>();
  readonly #lent = new Set<string>();

  /** `waitMs`: how long a prediction waits for another one to end. Nobody waits for a training. */
  constructor(registry: WorkerRegistry, waitMs: number) {
    this.#registry = registry;
    this.#waitMs = waitMs;
  }

  /** The caller disposes it. @throws TriptychError UNAVAILABLE where nobody is, or becomes, free; the reason of the signal. */
  async borrow(request: LoanRequest): Promise<Loan> {
    const deadline = AbortSignal.timeout(this.#waitMs);
    for (;;) {
      request.signal.throwIfAborted();
      const found = this.#find(request);
      if ('worker' in found) return this.#lend(found.worker, request.artifact);
      if (!found.isShort || deadline.aborted) throw new TriptychError('UNAVAILABLE', found.reason);
      await this.#changed(AbortSignal.any([request.signal, deadline]));
    }
  }

  #find({ artifact, without }: LoanRequest) {
    const { now } = this.#registry;
    const fleet = this.#registry.fleet();
    return chooseWorker({ now, fleet, artifact, without, opened: this.#opened, lent: this.#lent });
  }

  #lend(worker: FleetWorker, artifact: string): Loan {
    const loan = this.#registry.lend(worker.id);
    this.#lent.add(worker.id);
    this.#opened.set(worker.id, artifact);
    this.#registry
      .gone(worker.id)
      .addEventListener('abort', () => this.#opened.delete(worker.id), { once: true });
    return {
      worker,
      [Symbol.dispose]: () => {
        this.#lent.delete(worker.id);
        loan[Symbol.dispose]();
      },
    };
  }

  /** A worker that becomes free goes to a run that waits: the scheduler's pass comes before this one. */
  async #changed(signal: AbortSignal): Promise<void> {
    let unsubscribe = () => {};
    let stop = () => {};
    try {
      await new Promise<void>((resolve) => {
        stop = resolve;
        signal.addEventListener('abort', stop, { once: true });
        unsubscribe = this.#registry.onChange(() => setImmediate(resolve));
      });
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', stop);
    }
  }
}
