/**
 * One rank of one generation on this worker: joins the group, computes, records events. It outlives its supervisor: whoever
 * presents the same membership and a fencing token that is not lower takes the events over.
 */
import { MessageChannel } from 'node:worker_threads';
import { exposeGroup, type PeerHub } from '@triptych/collective';
import { assertComputesLike, TriptychError, type worker } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { TrainerEvent } from '@triptych/training';
import type { Compute } from './compute/compute.ts';
import { failureOf } from './compute/failure.ts';
import { EventLog } from './event-log.ts';
import type { Membership, TrainCommand } from './train-request.ts';

export interface AssignmentOptions {
  readonly compute: Compute;
  readonly hub: Pick<PeerHub, 'connect'>;
  readonly logger: Logger;
}

export class Assignment {
  readonly membership: Membership;
  readonly #log = new EventLog();
  readonly #abort = new AbortController();
  readonly #logger: Logger;
  readonly #ended: Promise<void>;
  #live = true;
  #delivered = false;
  #endedAt = 0;
  #step = 0;
  #token: number;
  #reattachMs: number;
  #attachment: AbortController | undefined;
  #alone: NodeJS.Timeout | undefined;

  constructor(command: TrainCommand, { compute, hub, logger }: AssignmentOptions) {
    const { runId, attempt, generation, rank } = command;
    this.membership = { runId, attempt, generation, rank };
    this.#token = command.fencingToken;
    this.#reattachMs = command.reattachMs;
    this.#logger = logger.child(this.membership);
    this.#ended = this.#train(command, compute, hub);
  }

  /** Until the compute thread is free again. */
  get live(): boolean {
    return this.#live;
  }

  /**
   * True until the training is over and some supervisor has been told how it ended, or has had the time to ask. Who asks later
   * is told all the same; the worker does not wait for it.
   */
  get pending(): boolean {
    const isAwaited = !this.#delivered && performance.now() - this.#endedAt < this.#reattachMs;
    return this.#live || isAwaited;
  }

  get fencingToken(): number {
    return this.#token;
  }

  /** Resolves (never rejects) when the training is over and the compute thread is free. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Takes the event stream over: the one who had it gets FENCED. `signal` is that of the caller's connection. */
  async *attach(command: TrainCommand, signal: AbortSignal): AsyncGenerator<worker.TrainEvent> {
    this.assertNotOlder(command.fencingToken);
    this.#token = command.fencingToken;
    this.#attachment?.abort(
      new TriptychError('FENCED', `A supervisor with token ${command.fencingToken} took over`),
    );
    clearTimeout(this.#alone);
    const attachment = new AbortController();
    this.#attachment = attachment;
    this.#reattachMs = command.reattachMs;
    try {
      yield* this.#log.follow(command.afterSequence, AbortSignal.any([signal, attachment.signal]));
      this.#delivered = true;
    } finally {
      if (this.#attachment === attachment) this.#detach();
    }
  }

  /** @throws TriptychError FENCED where the token is lower than one seen before. */
  assertNotOlder(token: number): void {
    if (token >= this.#token) return;
    throw new TriptychError(
      'FENCED',
      `Run ${this.membership.runId} belongs to a supervisor with token ${this.#token}; ${token} is older`,
    );
  }

  /** Ends the training; the reason becomes its last event. Resolves when the compute thread is free. */
  stop(reason: TriptychError): Promise<void> {
    this.#abort.abort(reason);
    return this.#ended;
  }

  /** Where no supervisor is attached, the time that one has to come back begins anew. */
  waitOn(): void {
    if (this.#live && this.#attachment === undefined) this.#goAlone();
  }

  /** Nobody waits to be told how it ends. */
  dismiss(): void {
    this.#delivered = true;
  }

  #detach(): void {
    this.#attachment = undefined;
    if (!this.#live) return;
    this.#logger.warn(
      { event: 'supervisor-lost', reattachMs: this.#reattachMs },
      'Training goes on without a supervisor',
    );
    this.#goAlone();
  }

  #goAlone(): void {
    const reason = new TriptychError('CANCELLED', `No supervisor came back within ${this.#reattachMs} ms`);
    clearTimeout(this.#alone);
    this.#alone = setTimeout(() => void this.stop(reason), this.#reattachMs);
  }

  async #train(command: TrainCommand, compute: Compute, hub: Pick<PeerHub, 'connect'>): Promise<void> {
    const { runId, attempt, generation, rank, peers, numerics, job, groupSecret: secret } = command;
    const bridge = new MessageChannel();
    const { signal } = this.#abort;
    this.#logger.info(
      { event: 'training-started', worldSize: job.worldSize },
      `Rank ${rank} of ${job.worldSize}`,
    );
    // The compute thread loads data and model while the ranks find each other; its messages to the group wait in the port.
    const joined = hub.connect({ runId, attempt, generation, rank, secret, peers: [...peers], signal }).then(
      (group) => {
        exposeGroup(group, bridge.port1);
        return group;
      },
      (error: unknown) => {
        this.#abort.abort(error);
        return undefined;
      },
    );
    let last: TrainerEvent;
    try {
      // Before anything of it enters a sum.
      if (numerics) assertComputesLike(numerics, compute.numerics);
      await compute.run(job, { group: bridge.port2, signal, onEvent: (event) => this.#record(event) });
      last = { $case: 'finished', value: { step: this.#step } };
    } catch (error) {
      last = this.#failed(error);
      // The other ranks wait for this one, in the group or on the way into it: they learn at once, not by a time-out.
      this.#abort.abort(error);
    }
    await (await joined)?.close();
    bridge.port1.close();
    clearTimeout(this.#alone);
    // Free before it is said: who hears the last event may give this worker its next training at once.
    this.#live = false;
    this.#endedAt = performance.now();
    this.#log.append(last);
    this.#log.close();
    this.#logger.info({ event: 'training-ended', outcome: last.$case, step: this.#step }, 'Training ended');
  }

  #record(event: TrainerEvent): void {
    if ('step' in event.value) this.#step = event.value.step;
    if (event.$case !== 'finished') this.#log.append(event);
  }

  #failed(error: unknown): TrainerEvent {
    const { code, message, blamedRank: named } = failureOf(error);
    const blamedRank = named === this.membership.rank ? undefined : named;
    const level = code === 'CANCELLED' ? 'info' : 'error';
    this.#logger[level]({ event: 'training-failed', code, blamedRank, err: error }, message);
    return { $case: 'failed', value: { code, message, step: this.#step, blamedRank } };
  }
}
