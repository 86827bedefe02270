/** What a run's past means for its next attempt. Begins with what the record has, so that a restart forgets nothing. */
import type { Backend, Numerics } from '@triptych/protocol';
import { KEPT_CHECKPOINTS } from '../store/run-reports.ts';
import type { Tenure } from '../store/run-store.ts';
import { FailureBudget, type FailureBudgetOptions } from './failure-verdict.ts';

export class RunMemory {
  readonly budget: FailureBudget;
  /** The backend of the attempts so far: results are equal bit for bit only within one. */
  backend: Backend | undefined;
  /** How they computed, for the same reason. */
  numerics: Numerics | undefined;
  /** sha256, oldest first. */
  readonly #checkpoints: Set<string>;
  readonly #distrusted: Set<string>;

  constructor(
    tenure: Pick<Tenure, 'backend' | 'numerics' | 'checkpoints' | 'distrusted' | 'failures'>,
    options: FailureBudgetOptions,
  ) {
    this.budget = new FailureBudget(options);
    for (const failure of tenure.failures) this.budget.judge({ ...failure, message: 'in the past' });
    this.backend = tenure.backend;
    this.numerics = tenure.numerics;
    this.#checkpoints = new Set(tenure.checkpoints.map(({ sha256 }) => sha256).reverse());
    this.#distrusted = new Set(tenure.distrusted);
  }

  /** Where the next attempt begins; nothing: at the beginning. */
  get newestCheckpoint(): string | undefined {
    return [...this.#checkpoints].findLast((sha256) => !this.#distrusted.has(sha256));
  }

  /** The bytes of the oldest go, as the record says; saved again, one that could not be read is as good as new. */
  remember(checkpoint: string): void {
    this.#distrusted.delete(checkpoint);
    this.#checkpoints.delete(checkpoint);
    this.#checkpoints.add(checkpoint);
    const [oldest] = this.#checkpoints;
    if (oldest !== undefined && this.#checkpoints.size > KEPT_CHECKPOINTS) this.#checkpoints.delete(oldest);
  }

  distrust(checkpoint: string): void {
    this.#distrusted.add(checkpoint);
  }
}
