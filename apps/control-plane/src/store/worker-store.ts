/** The record of workers: who registered, until when its lease holds, and (through assignments) what it trains. */
import type { Backend, Numerics, Worker } from '@triptych/protocol';

export interface WorkerStore {
  /** Writes the worker with a new lease; the same id again replaces what was known of it. */
  register(worker: WorkerRegistration): Promise<void>;
  /** Renews a lease. False where the worker is not known: it must register again. */
  renew(workerId: string, report: LeaseReport): Promise<boolean>;
  /** The worker is gone in order: its row stays for the record, with its lease over. */
  leave(workerId: string): Promise<void>;
  /** Workers whose lease holds at `now`, and those that were lost less than `keepLostMs` before it. */
  list(options: { now: Date; keepLostMs?: number; pool?: string }): Promise<Worker[]>;
  /** Deletes workers that no run holds and whose lease ended before `before`, with what they were assigned to. */
  forget(before: Date): Promise<number>;
}

export interface WorkerRegistration {
  readonly id: string;
  readonly address: string;
  readonly pool: string;
  readonly backend: Backend;
  readonly device: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly version: string;
  readonly numerics: Numerics;
  readonly leaseExpiresAt: Date;
}

export interface LeaseReport {
  readonly leaseExpiresAt: Date;
  readonly memoryUsedBytes: number;
  readonly eventLoopLagMs: number;
  readonly draining: boolean;
}
