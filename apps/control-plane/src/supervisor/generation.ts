/**
 * One fixed membership at work: a Train call to each of its workers, their events merged into one sequence, and their end.
 * It decides nothing: what an event or a loss means is the supervision's business.
 */
import type { ErrorCode, worker } from '@triptych/protocol';
import { TriptychError } from '@triptych/protocol';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { PlacedRank } from '../store/run-store.ts';
import { EventChannel } from './event-channel.ts';
import { groupSecretOf } from './group-secret.ts';
import { type RankEvent, rankEvents } from './rank-call.ts';
import type { TrainerClients } from './trainer-clients.ts';

export interface GenerationOptions {
  readonly ranks: readonly PlacedRank[];
  /** The request of rank 0; each rank gets it with its own rank, and all but rank 0 from the first event on. */
  readonly request: Omit<worker.TrainRequest, 'rank' | 'worldSize' | 'peers' | 'groupSecret'>;
  readonly clients: TrainerClients;
  readonly registry: WorkerRegistry;
  readonly paceMs: number;
  readonly firstContactMs: number;
}

export type GenerationItem =
  | { readonly kind: 'event'; readonly rank: number; readonly event: RankEvent }
  /** The rank ended in order. */
  | { readonly kind: 'ended'; readonly rank: number }
  /** The rank is gone, or refused the call. */
  | {
      readonly kind: 'broken';
      readonly rank: number;
      readonly workerId: string;
      readonly cause: TriptychError;
    };

export class Generation {
  readonly ranks: readonly PlacedRank[];
  readonly request: GenerationOptions['request'];
  readonly #options: GenerationOptions;
  readonly #detached = new AbortController();
  readonly #channel: EventChannel<GenerationItem>;
  #following: Promise<unknown> = Promise.resolve();

  constructor(options: GenerationOptions) {
    this.ranks = options.ranks;
    this.request = options.request;
    this.#options = options;
    this.#channel = new EventChannel({
      paceMs: options.paceMs,
      isUrgent: (item) => item.kind !== 'event' || item.event.event?.$case !== 'step',
    });
  }

  /** Starts the ranks, or re-attaches to them, and hands over what they tell. Ends when all have ended. */
  async *batches(signal: AbortSignal): AsyncGenerator<readonly GenerationItem[]> {
    const { registry } = this.#options;
    const groupSecret = groupSecretOf(this.request, this.ranks, ({ workerId }) => registry.contact(workerId));
    this.#following = Promise.all(this.ranks.map((placed) => this.#follow(placed, groupSecret))).then(() =>
      this.#channel.close(),
    );
    yield* this.#channel.batches(signal);
  }

  /** Leaves the training running without a supervisor. */
  async detach(): Promise<void> {
    this.#detached.abort(new TriptychError('CANCELLED', 'The supervisor let go of the run'));
    await this.#following;
  }

  async #follow(placed: PlacedRank, groupSecret: string): Promise<void> {
    const { rank, workerId } = placed;
    const { clients, registry, firstContactMs } = this.#options;
    try {
      const events = rankEvents({
        ...{ workerId, clients, firstContactMs },
        request: { ...this.#requestFor(rank), groupSecret },
        gone: registry.gone(workerId),
        signal: this.#detached.signal,
      });
      for await (const event of events) {
        registry.seen(workerId);
        this.#channel.push({ kind: 'event', rank, event });
        // While the record takes nothing, the worker keeps what comes, and thins it.
        await this.#channel.room(this.#detached.signal);
      }
      this.#channel.push({ kind: 'ended', rank });
    } catch (error) {
      if (this.#detached.signal.aborted) return;
      this.#channel.push({ kind: 'broken', rank, workerId, cause: codedOf(error) });
    }
  }

  #requestFor(rank: number): Omit<worker.TrainRequest, 'groupSecret'> {
    const { request } = this.#options;
    return {
      ...request,
      rank,
      worldSize: this.ranks.length,
      peers: this.ranks.map((peer) => ({ ...peer })),
      // Only rank 0's events are recorded; of the others, only how they end matters.
      afterSequence: rank === 0 ? request.afterSequence : 0,
    };
  }
}

const codedOf = (error: unknown, code: ErrorCode = 'INTERNAL'): TriptychError =>
  error instanceof TriptychError
    ? error
    : new TriptychError(code, error instanceof Error ? error.message : String(error), { cause: error });
