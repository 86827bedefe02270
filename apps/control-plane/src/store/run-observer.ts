/** Hears of every write to a run after it was committed, by this process. It must not throw and must not wait. */
import type { Run, RunStatus, StepMetric } from '@triptych/protocol';

export interface RunObserver {
  moved(change: { run: Run; from: RunStatus }): void;
  stepped(change: {
    runId: string;
    steps: readonly StepMetric[];
    samples: number;
    first?: { waitSeconds: number };
  }): void;
  /** A write was refused because its owner is not the newest. */
  fenced(): void;
}
