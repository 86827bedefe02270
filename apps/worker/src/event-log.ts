/**
 * The events of one rank in one generation: numbered, kept until the end of the run so that a supervisor which comes (back)
 * later gets the rest, and followed by whoever is attached. Bounded: where there are too many, the oldest steps are thinned.
 */
import type { worker } from '@triptych/protocol';
import type { TrainerEvent } from '@triptych/training';

/** `at`: of {@link performance.now}, which no setting of the clock moves. */
interface Entry {
  readonly sequence: number;
  readonly at: number;
  readonly event: TrainerEvent;
}

type StepEntry = Entry & { readonly event: { $case: 'step'; value: worker.StepCommitted } };

export class EventLog {
  readonly #limit: number;
  readonly #now: () => number;
  #events: Entry[] = [];
  #sequence = 0;
  #closed = false;
  #wake: (() => void)[] = [];

  /** `limit`: events kept at most (phases, scores and checkpoints are never dropped; they are few). */
  constructor(options: { readonly limit?: number; readonly now?: () => number } = {}) {
    this.#limit = options.limit ?? 8192;
    this.#now = options.now ?? (() => performance.now());
  }

  get lastSequence(): number {
    return this.#sequence;
  }

  append(event: TrainerEvent): void {
    if (this.#closed) return;
    this.#sequence += 1;
    // A wait is told again and again while it lasts, for days where it must be.
    if (isWaiting(event) && isWaiting(this.#events.at(-1)?.event)) this.#events.pop();
    this.#events.push({ sequence: this.#sequence, at: this.#now(), event });
    if (this.#events.length > this.#limit) this.#events = thin(this.#events);
    this.#wakeAll();
  }

  /** Nothing comes any more: followers end after the last event. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  /** Everything after `sequence`, then whatever comes, until the log is closed. Throws the signal's reason when aborted. */
  async *follow(sequence: number, signal: AbortSignal): AsyncGenerator<worker.TrainEvent> {
    const wake = () => this.#wakeAll();
    signal.addEventListener('abort', wake);
    try {
      let last = sequence;
      for (;;) {
        signal.throwIfAborted();
        const next = this.#after(last);
        if (next) {
          last = next.sequence;
          yield { sequence: last, ageMs: this.#now() - next.at, event: next.event };
        } else if (this.#closed) return;
        else await this.#news();
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #after(sequence: number): Entry | undefined {
    // Followers are nearly always at the end.
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1]!.sequence > sequence) index -= 1;
    return this.#events[index];
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** Merges neighbouring steps of the older half in pairs; the newer half, where a supervisor is reading, stays exact. */
function thin(events: readonly Entry[]): Entry[] {
  const half = Math.floor(events.length / 2);
  const older: Entry[] = [];
  let pending: StepEntry | undefined;
  for (const event of events.slice(0, half)) {
    if (!isStep(event)) {
      if (pending) older.push(pending);
      pending = undefined;
      older.push(event);
    } else if (pending) {
      older.push(merge(pending, event));
      pending = undefined;
    } else pending = event;
  }
  if (pending) older.push(pending);
  return [...older, ...events.slice(half)];
}

const isWaiting = (event: TrainerEvent | undefined): boolean =>
  event?.$case === 'storage' && event.value.waiting;

const isStep = (entry: Entry): entry is StepEntry => entry.event.$case === 'step';

/** Stands for both: measures of a step are their mean, so that it still describes one step; counters and position are the later's. */
function merge(first: StepEntry, second: StepEntry): StepEntry {
  const [a, b] = [first.event.value, second.event.value];
  const mean = (name: Exclude<keyof worker.StepCommitted, 'datasetLosses'>) => (a[name] + b[name]) / 2;
  return {
    ...second,
    event: {
      $case: 'step',
      value: {
        ...b,
        loss: mean('loss'),
        datasetLosses: b.datasetLosses.map((loss, i) => (loss + (a.datasetLosses[i] ?? loss)) / 2),
        gradientNorm: mean('gradientNorm'),
        samplesPerSecond: mean('samplesPerSecond'),
        dataSeconds: mean('dataSeconds'),
        forwardBackwardSeconds: mean('forwardBackwardSeconds'),
        allReduceSeconds: mean('allReduceSeconds'),
        optimizerSeconds: mean('optimizerSeconds'),
        allReduceBytes: Math.round(mean('allReduceBytes')),
      },
    },
  };
}
