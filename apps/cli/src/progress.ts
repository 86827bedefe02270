/**
 * A run's progress for a person: one line with a bar that is rewritten in place on a terminal, a plain line now and then
 * elsewhere.
 * It knows nothing of runs or events; watch-run.ts and the quickstart feed it.
 */
import type { Output } from './context.ts';
import { duration } from './duration.ts';

export interface ProgressSnapshot {
  /** What is being done: `training`, `evaluating`. */
  readonly phase: string;
  /** What is counted; steps by default. */
  readonly unit?: 'step' | 'image';
  readonly step: number;
  /** 0 where it is not known yet. */
  readonly totalSteps: number;
  readonly loss?: number | undefined;
  readonly samplesPerSecond?: number | undefined;
  readonly etaSeconds?: number | undefined;
}

export interface ProgressOptions {
  readonly output: Output;
  /** Milliseconds on any clock. */
  readonly now?: () => number;
  /** Where there is no terminal: at most one line in so long, except for the first and last of a phase; 30 s by default. */
  readonly plainIntervalMs?: number;
}

const BAR_WIDTH = 20;
const CLEAR_LINE = '\r\u001b[K';

export function renderProgress(snapshot: ProgressSnapshot, { withBar = true } = {}): string {
  const { phase, unit = 'step', step, totalSteps, loss, samplesPerSecond, etaSeconds } = snapshot;
  const parts = [phase];
  if (totalSteps > 0 && withBar) parts.push(bar(step / totalSteps));
  if (totalSteps > 0) parts.push(`${unit} ${step}/${totalSteps}`);
  if (loss !== undefined) parts.push(`loss ${loss.toFixed(4)}`);
  if (samplesPerSecond !== undefined) parts.push(`${samplesPerSecond.toFixed(1)} samples/s`);
  if (etaSeconds !== undefined && step < totalSteps) parts.push(`ETA ${duration(etaSeconds)}`);
  return parts.join('  ');
}

export class ProgressDisplay {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #plainIntervalMs: number;
  /** What the rewritten line shows now; empty: nothing. */
  #live = '';
  #phase = '';
  #nextPlainAt = Number.NEGATIVE_INFINITY;

  constructor({ output, now = () => performance.now(), plainIntervalMs = 30_000 }: ProgressOptions) {
    this.#output = output;
    this.#now = now;
    this.#plainIntervalMs = plainIntervalMs;
  }

  update(snapshot: ProgressSnapshot): void {
    // The line of a phase that is over stays where it is.
    if (snapshot.phase !== this.#phase) this.finish();
    if (this.#output.isTTY) this.#rewrite(renderProgress(snapshot));
    else this.#writePlain(snapshot);
    this.#phase = snapshot.phase;
  }

  /** A fact of that time, as {@link line}; where nobody looks on, with its date. */
  fact(at: string, text: string): void {
    this.line(`${this.#output.isTTY ? at.slice(11, 19) : at.slice(0, 19).replace('T', ' ')}  ${text}`);
  }

  /** A line that stays, above the one that is rewritten. */
  line(text: string): void {
    const live = this.#live;
    this.#clear();
    this.#output.write(`${text}\n`);
    if (live) this.#rewrite(live);
  }

  /** Leaves the rewritten line as it is; what comes next starts below it. */
  finish(): void {
    if (this.#live) this.#output.write('\n');
    this.#live = '';
    this.#phase = '';
  }

  #rewrite(line: string): void {
    // A line that wraps could not be cleared again.
    const fitting = line.slice(0, (this.#output.columns ?? 80) - 1);
    if (fitting === this.#live) return;
    this.#output.write(`${CLEAR_LINE}${fitting}`);
    this.#live = fitting;
  }

  #clear(): void {
    if (this.#live) this.#output.write(CLEAR_LINE);
    this.#live = '';
  }

  #writePlain(snapshot: ProgressSnapshot): void {
    const { phase, step, totalSteps } = snapshot;
    const now = this.#now();
    const due = phase !== this.#phase || now >= this.#nextPlainAt || (totalSteps > 0 && step >= totalSteps);
    if (!due) return;
    this.#output.write(`${renderProgress(snapshot, { withBar: false })}\n`);
    this.#nextPlainAt = now + this.#plainIntervalMs;
  }
}

function bar(ratio: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, ratio)) * BAR_WIDTH);
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}
