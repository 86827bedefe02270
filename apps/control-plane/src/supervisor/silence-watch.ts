/**
 * How long a generation may be silent, and whom to name when it was too long. Workers that hang keep their leases: only the
 * absence of any event, from any rank, tells. Pure: who listens keeps the time.
 */
import type { GenerationItem } from './generation.ts';
import type { RankEvent } from './rank-call.ts';

export interface SilenceLimits {
  /** Between two steps, at least; where steps are slow, ten times the 95th percentile of their time. */
  readonly stepSilenceMs: number;
  /** In what is silent by nature and may be long: loading, the first step, a checkpoint, scoring, publishing. */
  readonly phaseSilenceMs: number;
}

export interface SilenceWatchOptions extends SilenceLimits {
  readonly worldSize: number;
  /** 0: no checkpoints. */
  readonly checkpointEverySteps: number;
}

interface Position {
  readonly phase: string;
  /** Steps committed. */
  readonly step: number;
}

const STEPS_REMEMBERED = 200;
const SLOWNESS = 10;
const phasesInOrder = ['loading', 'baseline', 'training', 'evaluating', 'publishing'];

export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  /** Of every rank that is at work; nothing where it was not heard. */
  readonly #positions: Map<number, Position | undefined>;
  readonly #stepTimes: StepTimes;
  /** The newest checkpoint that is due and was not reported. */
  #savingStep: number | undefined;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#stepTimes = new StepTimes({ size: STEPS_REMEMBERED, longestMs: options.phaseSilenceMs });
    this.#positions = new Map(Array.from({ length: options.worldSize }, (_, rank) => [rank, undefined]));
  }

  heard(items: readonly GenerationItem[]): void {
    for (const item of items) {
      if (item.kind === 'event') this.#hear(item.rank, item.event);
      else this.#positions.delete(item.rank);
    }
  }

  /** How long the silence may last that begins now. */
  get limitMs(): number {
    const { stepSilenceMs, phaseSilenceMs } = this.#options;
    const stepMs = this.#stepTimes.percentile(0.95);
    const heard = [...this.#positions.values()].filter((position) => position !== undefined);
    const isStepping = heard.length > 0 && heard.every(({ phase }) => phase === 'training');
    if (!isStepping || stepMs === undefined || this.#savingStep !== undefined)
      return Math.max(phaseSilenceMs, stepSilenceMs);
    return Math.max(stepSilenceMs, SLOWNESS * stepMs);
  }

  /** What is to be said about a silence that was too long: who is furthest behind, and in what. */
  report(silentMs: number): string {
    const byProgress = [...this.#positions].sort(([, a], [, b]) => progressOf(a) - progressOf(b));
    const [[, least] = [0, undefined]] = byProgress;
    const [, most] = byProgress.at(-1) ?? [0, undefined];
    const behind = byProgress.filter(([, position]) => progressOf(position) === progressOf(least));
    const silence = `No rank has made progress for ${silentMs / 1000} s`;
    if (behind.length === byProgress.length) return `${silence}; all ${placeOf(least)}`;
    const ranks = behind.map(([rank]) => rank).join(', ');
    return `${silence}; furthest behind: rank ${ranks}, which ${placeOf(least)} (others ${placeOf(most)})`;
  }

  #hear(rank: number, { event, at }: RankEvent): void {
    if (event?.$case === 'phase') {
      const { phase, step } = event.value;
      this.#positions.set(rank, { phase, step });
      if (phase !== 'training') this.#savingStep = undefined;
    } else if (event?.$case === 'step') {
      const { step, totalSteps } = event.value;
      this.#positions.set(rank, { phase: 'training', step });
      this.#stepTimes.add({ rank, step, at });
      if (this.#isCheckpointDue(step, totalSteps)) this.#savingStep = step;
      // The next step needs every rank, the one that saves, too.
      else if (step > (this.#savingStep ?? step)) this.#savingStep = undefined;
    } else if (event?.$case === 'checkpoint' && event.value.step === this.#savingStep) {
      this.#savingStep = undefined;
    }
  }

  #isCheckpointDue(step: number, totalSteps: number): boolean {
    const { checkpointEverySteps } = this.#options;
    if (checkpointEverySteps === 0 || step < (this.#savingStep ?? 0)) return false;
    return step % checkpointEverySteps === 0 || step === totalSteps;
  }
}

/** The time from one step of a rank to its next, of the last steps. */
class StepTimes {
  readonly #size: number;
  readonly #longestMs: number;
  readonly #milliseconds: number[] = [];
  readonly #last = new Map<number, { step: number; at: number }>();

  constructor({ size, longestMs }: { readonly size: number; readonly longestMs: number }) {
    this.#size = size;
    this.#longestMs = longestMs;
  }

  add({ rank, step, at }: { rank: number; step: number; at: number }): void {
    const last = this.#last.get(rank);
    this.#last.set(rank, { step, at });
    if (last === undefined || step <= last.step) return;
    // Steps may have been left out while nobody listened.
    const milliseconds = (at - last.at) / (step - last.step);
    // Of an event that waited, only the order is certain.
    if (milliseconds < 0 || milliseconds > this.#longestMs) return;
    this.#milliseconds.push(milliseconds);
    if (this.#milliseconds.length > this.#size) this.#milliseconds.shift();
  }

  percentile(part: number): number | undefined {
    const sorted = this.#milliseconds.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
  }
}

/** Who validates is further than who takes that step, and not as far as who takes the next one. */
function progressOf(position: Position | undefined): number {
  if (position === undefined) return -1;
  const { phase, step } = position;
  const validates = phase === 'validating';
  return phasesInOrder.indexOf(validates ? 'training' : phase) * 1e9 + step + (validates ? 0.5 : 0);
}

function placeOf(position: Position | undefined): string {
  if (position === undefined) return 'told nothing';
  const { phase, step } = position;
  return `last reported phase ${phase}${step > 0 ? `, step ${step}` : ''}`;
}
