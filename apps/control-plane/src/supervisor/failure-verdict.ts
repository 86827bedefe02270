/** What a failed generation means for its run: another attempt, or the end with a reason and a remedy. Pure. */
import { type ErrorCode, isErrorCode, memoryRemedy, type RunReason } from '@triptych/protocol';

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** The last step the run had committed. */
  readonly step: number;
}

export type Verdict =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'fail'; readonly reason: RunReason; readonly message: string };

/** Where trying again cannot help: the reason that the run ends with, and what its owner can do. */
const fatal: Partial<Record<ErrorCode, { reason: RunReason; remedy: string }>> = {
  INVALID_INPUT: { reason: 'INVALID_SPEC', remedy: 'correct the run’s specification and submit it again' },
  MODEL_INVALID: { reason: 'INVALID_SPEC', remedy: 'choose another base model, or import it again' },
  DATASET_INVALID: { reason: 'DATASET_INVALID', remedy: 'correct the files and register the dataset again' },
  OUT_OF_MEMORY: { reason: 'OUT_OF_MEMORY', remedy: memoryRemedy },
  LOSS_NOT_FINITE: {
    reason: 'LOSS_NOT_FINITE',
    remedy: 'lower optimizer.learningRate, lengthen schedule.warmupSteps or set optimizer.clipNorm',
  },
  NOT_DETERMINISTIC: {
    reason: 'NOT_DETERMINISTIC',
    remedy:
      'train on workers of one kind (backend, CPU model, precision, threads, version of Triptych), or with TRIPTYCH_GEMM=own',
  },
};

/** Where it can help to try elsewhere: what the run ends with when no other worker did better. */
const elsewhere: Partial<Record<ErrorCode, { reason: RunReason; remedy: string }>> = {
  BACKEND_UNAVAILABLE: {
    reason: 'BACKEND_UNAVAILABLE',
    remedy: 'restart the workers with that backend, or leave workers.backend out',
  },
  OTHER_NUMERICS: {
    reason: 'OTHER_NUMERICS',
    remedy: 'restart the worker that is named with the settings, and on a machine, of the others',
  },
};

/** Failures that tell against the worker they happened on, and whether they can hardly be another's. */
const againstWorker: Partial<Record<ErrorCode, { isCertain: boolean }>> = {
  BACKEND_UNAVAILABLE: { isCertain: true },
  OTHER_NUMERICS: { isCertain: true },
  FENCED: { isCertain: true },
  ILLEGAL_STATE: { isCertain: true },
  INTERNAL: { isCertain: false },
  COLLECTIVE_ABORTED: { isCertain: false },
  UNAVAILABLE: { isCertain: false },
  WORKER_LOST: { isCertain: false },
};

export const blameFor = (code: ErrorCode): { isCertain: boolean } | undefined => againstWorker[code];

export interface FailureBudgetOptions {
  /** Failures in a row without a step further than before that end the run. */
  readonly limit?: number;
  readonly firstDelayMs?: number;
  readonly longestDelayMs?: number;
}

/** Counts failures of one run between which it got no further. A run that moves on may fail as often as it likes. */
export class FailureBudget {
  readonly #limit: number;
  readonly #firstDelayMs: number;
  readonly #longestDelayMs: number;
  #failures = 0;
  #furthestStep = 0;

  constructor(options: FailureBudgetOptions = {}) {
    this.#limit = options.limit ?? 5;
    this.#firstDelayMs = options.firstDelayMs ?? 1000;
    this.#longestDelayMs = options.longestDelayMs ?? 30_000;
  }

  /** The first failure is followed by another attempt at once, later ones after delays that double. */
  judge(failure: Failure): Verdict {
    const ending = fatal[failure.code];
    if (ending) {
      return { kind: 'fail', reason: ending.reason, message: withRemedy(failure.message, ending.remedy) };
    }
    // Whoever shuts a worker down means no harm: the run goes on elsewhere, as often as it takes.
    if (failure.code === 'WORKER_DRAINED') return { kind: 'retry', delayMs: 0 };
    // Nobody's fault, and nothing that trying elsewhere mends: it is waited for.
    if (failure.code === 'STORAGE_FULL') return { kind: 'retry', delayMs: this.#longestDelayMs };
    this.#failures = failure.step > this.#furthestStep ? 1 : this.#failures + 1;
    this.#furthestStep = Math.max(this.#furthestStep, failure.step);
    if (this.#failures >= this.#limit) {
      const { reason, remedy } = elsewhere[failure.code] ?? { reason: 'FAILURES_EXHAUSTED', remedy: '' };
      const message = `Failed ${this.#failures} times without getting past step ${this.#furthestStep}; the last time: ${failure.message}`;
      return { kind: 'fail', reason, message: withRemedy(message, remedy) };
    }
    const doublings = this.#failures - 2;
    return {
      kind: 'retry',
      delayMs: doublings < 0 ? 0 : Math.min(this.#longestDelayMs, this.#firstDelayMs * 2 ** doublings),
    };
  }
}

/** A worker names codes as text; one that this table does not know is a failure inside. */
export const codeOf = (text: string): ErrorCode => (isErrorCode(text) ? text : 'INTERNAL');

/** The worker that failed may have named it already. */
const withRemedy = (message: string, remedy: string): string =>
  remedy === '' || message.includes(remedy) ? message : `${message}; ${remedy}`;

/** Why a run recovers. */
export function reasonOf(code: ErrorCode): RunReason {
  if (code === 'STORAGE_FULL') return 'WAITING_FOR_STORAGE';
  const isLoss = code === 'WORKER_LOST' || code === 'WORKER_DRAINED' || code === 'COLLECTIVE_ABORTED';
  return isLoss ? 'WORKER_LOST' : 'RETRY_SCHEDULED';
}
