/**
 * What this process remembers of a run between deliveries. A restart forgets it, and loses only patience: the budget of
 * failures begins anew, and a corrupt checkpoint is tried once more.
 */
import type { Backend } from '@triptych/protocol';
import { FailureBudget, type FailureBudgetOptions } from './failure-verdict.ts';

export class RunMemory {
  readonly budget: FailureBudget;
  /** sha256, oldest first. */
  readonly checkpoints = new Set<string>();
  /** The backend of the attempts so far: results are equal bit for bit only within one. */
  backend: Backend | undefined;
  readonly #distrusted = new Set<string>();

  constructor(options: FailureBudgetOptions) {
    this.budget = new FailureBudget(options);
  }

  /** Where the next attempt begins; nothing: at the beginning. */
  get newestCheckpoint(): string | undefined {
    return [...this.checkpoints].findLast((sha256) => !this.#distrusted.has(sha256));
  }

  distrust(sha256: string): void {
    this.#distrusted.add(sha256);
  }
}
