/**
 * The fleet as this control plane sees it: who registered, whose lease holds, who is reserved for which run. Memory is the
 * authority (workers register again within seconds after a restart); the database rows are written for readers.
 *
 * It places nothing (scheduler) and calls no worker (supervisor).
 */
import { randomBytes } from 'node:crypto';
import { type control, TriptychError, type WorkerState } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { FleetWorker } from '../scheduler/place.ts';
import type { WorkerStore } from '../store/worker-store.ts';
import { Blame } from './blame.ts';
import { LeaseRecord } from './lease-record.ts';
import {
  type EndedTraining,
  straysOf,
  type Training,
  type WorkerCondition,
  type WorkerEntry,
  type WorkerIdentity,
  workerState,
} from './worker-entry.ts';
import { type Contact, WorkerSecrets } from './worker-secrets.ts';

export interface RegistryOptions {
  readonly store: Pick<WorkerStore, 'register' | 'renew' | 'leave'>;
  readonly logger: Logger;
  readonly leaseMs?: number;
  readonly heartbeatMs?: number;
  /** How long others are preferred to a worker after its first failure. */
  readonly blameMs?: number;
  /** Milliseconds of a clock that never jumps: a computer whose time is set does not lose its fleet. */
  readonly now?: () => number;
}

/** A stray training and where it is. */
export interface Stray extends Training {
  readonly workerId: string;
}

export interface NewWorker extends Omit<WorkerIdentity, 'id'>, Pick<Contact, 'trainerSecret'> {
  /** What it was called before. */
  readonly id?: string;
}

export interface Lease {
  readonly workerId: string;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  /** What the worker shows with every call from now on. */
  readonly leaseSecret: string;
}

export const createRegistry = (options: RegistryOptions): WorkerRegistry => new WorkerRegistry(options);

export class WorkerRegistry {
  readonly #logger: Logger;
  readonly #record: LeaseRecord;
  readonly #leaseMs: number;
  readonly #heartbeatMs: number;
  readonly #blameMs: number;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #entries = new Map<string, WorkerEntry>();
  readonly #secrets = new WorkerSecrets();
  readonly #listeners = new Set<() => void>();
  readonly #sweeper: NodeJS.Timeout;
  #sweptAt: number;

  constructor(options: RegistryOptions) {
    const { store, logger } = options;
    this.#logger = logger;
    this.#leaseMs = options.leaseMs ?? 6000;
    this.#record = new LeaseRecord({ store, logger, leaseMs: this.#leaseMs });
    this.#heartbeatMs = options.heartbeatMs ?? 1000;
    this.#blameMs = options.blameMs ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
    this.#sweptAt = this.#startedAt;
    this.#sweeper = setInterval(() => this.sweep(), this.#heartbeatMs / 2);
    this.#sweeper.unref();
  }

  /** Enters a worker, or enters it again. Its row is there when this resolves, so that it can be assigned. */
  async register(
    { trainerSecret, ...identity }: NewWorker,
    assignments: readonly control.Assignment[],
  ): Promise<Lease> {
    const id = identity.id || `worker-${randomBytes(8).toString('hex')}`;
    const known = { ...identity, id };
    await this.#record.register(known);
    this.#evict(known);
    this.#enter(known, assignments);
    const { pool, backend, address, numerics } = known;
    this.#logger.info(
      { event: 'worker-registered', workerId: id, pool, backend, address, numerics, assignments },
      `Worker ${id} registered`,
    );
    const leaseSecret = this.#secrets.grant(id, { address, trainerSecret });
    this.#changed();
    return { workerId: id, leaseMs: this.#leaseMs, heartbeatMs: this.#heartbeatMs, leaseSecret };
  }

  /** The worker whose lease it is; nothing where there is none. */
  holder(leaseSecret: string): string | undefined {
    return this.#secrets.holder(leaseSecret);
  }

  /** How to call a worker that has registered here, also one that is gone: only what was announced is ever dialled. */
  contact(workerId: string): Contact | undefined {
    return this.#secrets.contact(workerId);
  }

  /** Who is registered at an address. */
  at(address: string): string | undefined {
    return [...this.#entries.values()].find(({ identity }) => identity.address === address)?.identity.id;
  }

  /** @throws TriptychError `NOT_FOUND` where the worker must register again. */
  heartbeat(workerId: string, condition: WorkerCondition): { leaseMs: number } {
    const entry = this.#entries.get(workerId);
    if (!entry) throw unknown(workerId);
    const before = workerState(entry, this.#now());
    entry.condition = condition;
    this.#renew(entry);
    if (workerState(entry, this.#now()) !== before) this.#changed();
    return { leaseMs: this.#leaseMs };
  }

  /** The worker goes away in order. Harmless where it is not known. */
  async leave(workerId: string, reason: string): Promise<void> {
    const entry = this.#entries.get(workerId);
    if (!entry) return;
    this.#remove(entry, `left (${reason || 'no reason given'})`);
    await this.#record.leave(workerId);
  }

  /** A sign of life that is no heartbeat: an event of its training. */
  seen(workerId: string): void {
    const entry = this.#entries.get(workerId);
    if (entry) entry.leaseExpiresAt = this.#now() + this.#leaseMs;
  }

  fleet(): FleetWorker[] {
    const now = this.#now();
    return [...this.#entries.values()].map((entry) => {
      const { id, address, pool, backend, numerics } = entry.identity;
      return {
        ...{ id, address, pool, backend, numerics, leaseExpiresAt: entry.leaseExpiresAt },
        state: workerState(entry, now),
        isCooling: entry.blame.isCooling(now),
      };
    });
  }

  /** What the worker is and does; nothing where it is not known. */
  occupation(workerId: string): { state: WorkerState; runId?: string; rank?: number } | undefined {
    const entry = this.#entries.get(workerId);
    if (!entry) return undefined;
    const state = workerState(entry, this.#now());
    const runId = entry.reservedBy ?? straysOf(entry)[0]?.runId;
    if (runId === undefined) return { state };
    const rank = entry.condition.assignments.find((assignment) => assignment.runId === runId)?.rank;
    return { state, runId, ...(rank !== undefined && { rank }) };
  }

  get now(): number {
    return this.#now();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** True where the worker is registered and its lease holds. */
  isAlive(workerId: string): boolean {
    const entry = this.#entries.get(workerId);
    return entry !== undefined && entry.leaseExpiresAt > this.#now();
  }

  /** Resolves with true when all are alive, with false when `signal` is aborted before. */
  async whenAlive(workerIds: readonly string[], signal: AbortSignal): Promise<boolean> {
    const areAlive = () => workerIds.every((id) => this.isAlive(id));
    if (areAlive() || signal.aborted) return areAlive();
    let unsubscribe = () => {};
    let stop = () => {};
    try {
      return await new Promise<boolean>((resolve) => {
        stop = () => resolve(areAlive());
        signal.addEventListener('abort', stop, { once: true });
        unsubscribe = this.onChange(() => areAlive() && resolve(true));
      });
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', stop);
    }
  }

  /** True where no other run has reserved the worker. */
  isFreeFor(runId: string, workerId: string): boolean {
    const entry = this.#entries.get(workerId);
    return entry !== undefined && (entry.reservedBy === undefined || entry.reservedBy === runId);
  }

  /** Milliseconds, whole ones, that whoever was registered before a restart still has to register again; 0 where they are over. */
  leftToReturn(windowMs: number): number {
    return Math.ceil(Math.max(0, this.#startedAt + windowMs - this.now));
  }

  /** Aborted, with the reason, when the worker is lost, leaves or is replaced; at once where it is not known. */
  gone(workerId: string): AbortSignal {
    return this.#entries.get(workerId)?.gone.signal ?? AbortSignal.abort(unknown(workerId));
  }

  /** Keeps workers for a run. One that is kept for another run is a mistake of the caller. */
  reserve(runId: string, workerIds: readonly string[]): void {
    for (const workerId of workerIds) {
      const entry = this.#entries.get(workerId);
      if (!entry) throw unknown(workerId);
      if (entry.reservedBy !== undefined && entry.reservedBy !== runId)
        throw new Error(`worker ${workerId} is reserved for ${entry.reservedBy}, not for ${runId}`);
    }
    for (const workerId of workerIds) {
      const entry = this.#entries.get(workerId) as WorkerEntry;
      entry.reservedBy = runId;
      entry.ended = undefined;
    }
  }

  /** Keeps an idle worker from runs for something short. One that is not idle is a mistake of the caller. */
  lend(workerId: string): Disposable {
    const entry = this.#entries.get(workerId);
    if (!entry) throw unknown(workerId);
    const state = workerState(entry, this.#now());
    if (state !== 'idle') throw new Error(`worker ${workerId} is ${state} and cannot be lent`);
    const loan = {};
    entry.lentTo = loan;
    return {
      [Symbol.dispose]: () => {
        // The worker may have registered again, or gone.
        const present = this.#entries.get(workerId);
        if (present?.lentTo !== loan) return;
        present.lentTo = undefined;
        this.#changed();
      },
    };
  }

  /** The training is over on these workers, they have said so; what they still report of it is old news. */
  release(training: Training, workerIds: readonly string[]): void {
    this.#end({ ...training, acknowledged: true }, workerIds);
  }

  /**
   * These workers were told to end the training and have not answered: they are lost to everybody until they do, whatever they
   * report. The reaper asks on.
   */
  distrust(training: Training, workerIds: readonly string[]): void {
    this.#end({ ...training, acknowledged: false }, workerIds);
  }

  /** A supervisor lets go of workers that may be training for the run: nobody else gets them until they say otherwise. */
  abandon({ runId, attempt }: Training, workerIds: readonly string[]): void {
    for (const workerId of workerIds) {
      const entry = this.#entries.get(workerId);
      if (entry?.reservedBy !== runId) continue;
      entry.reservedBy = undefined;
      const { condition } = entry;
      if (condition.assignments.some((assignment) => assignment.runId === runId)) continue;
      const presumed = { runId, attempt, generation: 0, rank: 0 };
      entry.condition = { ...condition, assignments: [...condition.assignments, presumed] };
    }
  }

  /** A run failed because of this worker (perhaps, where it is not certain): for a while others are preferred. */
  blame(workerId: string, { isCertain }: { readonly isCertain: boolean }): void {
    this.#entries.get(workerId)?.blame.add(this.#now(), isCertain);
  }

  /** The worker says that it shuts down; its next heartbeat will say so, too. */
  drain(workerId: string): void {
    const entry = this.#entries.get(workerId);
    if (entry) entry.condition = { ...entry.condition, draining: true };
  }

  /** A run did well on these workers. */
  absolve(workerIds: readonly string[]): void {
    for (const workerId of workerIds) this.#entries.get(workerId)?.blame.clear();
  }

  /** What workers train, or may, although nobody here has reserved them for it. */
  strays(): Stray[] {
    return [...this.#entries.values()].flatMap((entry) =>
      straysOf(entry).map(({ runId, attempt }) => ({
        ...{ runId, attempt },
        workerId: entry.identity.id,
      })),
    );
  }

  /** Calls `listener` when workers come, go or become free. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Removes workers whose lease has ended. Runs by itself; tests with a clock of their own call it. */
  sweep(): void {
    const now = this.#now();
    // A process that was itself asleep heard nobody. That is not the workers' fault.
    const overslept = now - this.#sweptAt > this.#leaseMs / 2;
    const sweptAt = this.#sweptAt;
    this.#sweptAt = now;
    let hasCooled = false;
    for (const entry of this.#entries.values()) {
      hasCooled ||= entry.blame.isCooling(sweptAt) && !entry.blame.isCooling(now);
      if (overslept) entry.leaseExpiresAt = Math.max(entry.leaseExpiresAt, now + this.#leaseMs);
      else if (entry.leaseExpiresAt <= now) this.#remove(entry, `was not heard of for ${this.#leaseMs} ms`);
    }
    if (hasCooled) this.#changed();
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#listeners.clear();
  }

  /** An address has one process, the one that registered last: whoever had it before under another id is gone. */
  #evict({ id, address }: WorkerIdentity): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.identity.address !== address || entry.identity.id === id) continue;
      this.#remove(entry, `was replaced at ${address} by worker ${id}`);
      this.#record.leaveLater(entry.identity.id);
    }
  }

  #end(ended: EndedTraining, workerIds: readonly string[]): void {
    for (const workerId of workerIds) {
      const entry = this.#entries.get(workerId);
      // Another process may have come under the id since, and serve another run.
      if (entry === undefined || (entry.reservedBy !== undefined && entry.reservedBy !== ended.runId))
        continue;
      entry.reservedBy = undefined;
      entry.ended = ended;
    }
    this.#changed();
  }

  #enter(identity: WorkerIdentity, assignments: readonly control.Assignment[]): void {
    const now = this.#now();
    const old = this.#entries.get(identity.id);
    // The same process again (it lost its lease or its connection) keeps its reservation; another address is another process.
    const same = old?.identity.address === identity.address;
    if (old && !same) old.gone.abort(lost(identity.id, 'was replaced by another process'));
    this.#entries.set(identity.id, {
      identity,
      condition: { memoryUsedBytes: 0, eventLoopLagMs: 0, draining: false, assignments },
      leaseExpiresAt: now + this.#leaseMs,
      writtenAt: now,
      reservedBy: same ? old.reservedBy : undefined,
      lentTo: same ? old.lentTo : undefined,
      ended: same ? old.ended : undefined,
      blame: same ? old.blame : new Blame(this.#blameMs),
      gone: same ? old.gone : new AbortController(),
    });
  }

  #renew(entry: WorkerEntry): void {
    const now = this.#now();
    entry.leaseExpiresAt = now + this.#leaseMs;
    // One write for two or three heartbeats keeps the row's lease alive.
    if (now - entry.writtenAt < this.#leaseMs / 3) return;
    entry.writtenAt = now;
    this.#record.renew(entry.identity, entry.condition);
  }

  #remove(entry: WorkerEntry, what: string): void {
    const { id } = entry.identity;
    this.#entries.delete(id);
    this.#secrets.revoke(id);
    this.#logger.warn(
      { event: 'worker-gone', workerId: id, runId: entry.reservedBy },
      `Worker ${id} ${what}`,
    );
    entry.gone.abort(lost(id, what));
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

const lost = (workerId: string, what: string): TriptychError =>
  new TriptychError('WORKER_LOST', `Worker ${workerId} ${what}`);

const unknown = (workerId: string): TriptychError =>
  new TriptychError('NOT_FOUND', `Worker ${workerId} is not registered; register again`);
