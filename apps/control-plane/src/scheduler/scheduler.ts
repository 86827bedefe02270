/**
 * The waiting room: runs ask for workers and wait here, in memory, until {@link placeAll} gives them some. Every change of
 * the fleet is one pass over those who wait; nothing polls.
 */
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import { type Demand, type FleetWorker, placeAll, type Wait } from './place.ts';

export interface PlaceOptions {
  readonly signal: AbortSignal;
  /** Called when the run has to wait, and again when the reason changes. */
  readonly onWait: (wait: Wait) => void;
}

export class Scheduler {
  readonly #registry: WorkerRegistry;
  readonly #requests = new Map<string, Request>();
  readonly #unsubscribe: () => void;
  #pending: NodeJS.Immediate | undefined;

  constructor(registry: WorkerRegistry) {
    this.#registry = registry;
    this.#unsubscribe = registry.onChange(() => this.#schedule());
  }

  /**
   * Waits for workers; they are reserved for the run in the registry when this resolves, in the order of their ranks.
   * Rejects with the reason of the signal.
   */
  async place(demand: Demand, { signal, onWait }: PlaceOptions): Promise<readonly FleetWorker[]> {
    signal.throwIfAborted();
    if (this.#requests.has(demand.runId)) throw new Error(`run ${demand.runId} waits for workers already`);
    let abort = () => {};
    try {
      return await new Promise<readonly FleetWorker[]>((resolve, reject) => {
        abort = () => reject(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        this.#requests.set(demand.runId, { demand, resolve, onWait, told: undefined });
        this.#schedule();
      });
    } finally {
      signal.removeEventListener('abort', abort);
      // Whoever was kept waiting by this run may go now.
      if (this.#requests.get(demand.runId)?.demand === demand) {
        this.#requests.delete(demand.runId);
        this.#schedule();
      }
    }
  }

  /** How many runs wait. */
  get size(): number {
    return this.#requests.size;
  }

  close(): void {
    this.#unsubscribe();
    clearImmediate(this.#pending);
  }

  /** One pass for all changes of one turn of the event loop: 500 runs that arrive together are placed together. */
  #schedule(): void {
    this.#pending ??= setImmediate(() => {
      this.#pending = undefined;
      this.#pass();
    });
  }

  #pass(): void {
    const demands = [...this.#requests.values()].map(({ demand }) => demand);
    for (const [runId, placement] of placeAll(this.#registry.now, this.#registry.fleet(), demands)) {
      const request = this.#requests.get(runId) as Request;
      if ('ranks' in placement) {
        this.#registry.reserve(
          runId,
          placement.ranks.map(({ id }) => id),
        );
        this.#requests.delete(runId);
        request.resolve(placement.ranks);
      } else if (request.told !== placement.message) {
        request.told = placement.message;
        request.onWait(placement);
      }
    }
  }
}

interface Request {
  readonly demand: Demand;
  readonly resolve: (ranks: readonly FleetWorker[]) => void;
  readonly onWait: (wait: Wait) => void;
  /** The message that was handed over last. */
  told: string | undefined;
}
