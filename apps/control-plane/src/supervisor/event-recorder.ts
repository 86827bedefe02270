/**
 * Turns rank 0's events into the run's record: states, steps in batches, checkpoints, scores of the baseline. The scores of the
 * trained model are kept, as the model is, for the one write that ends the run.
 */
import type {
  Checkpoint,
  PredictionsReport,
  ResolvedRunSpec,
  RunReason,
  RunStatus,
  Score,
  StepMetric,
  worker,
} from '@triptych/protocol';
import { ProgressMeter } from './progress-meter.ts';
import type { RankEvent } from './rank-call.ts';
import type { RunWriter } from './run-writer.ts';

export interface EventRecorderOptions {
  readonly writer: RunWriter;
  readonly spec: ResolvedRunSpec;
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #meter: ProgressMeter;
  #steps: Sequenced<worker.StepCommitted>[] = [];
  #scores: Sequenced<worker.ScoreReported>[] = [];
  readonly #finalScores: Sequenced<worker.ScoreReported>[] = [];
  #model: Sequenced<worker.ModelPublished> | undefined;
  /** What ranks without room say, by rank. */
  readonly #waits = new Map<number, string>();
  #said = '';
  #finished = false;
  #step = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#meter = new ProgressMeter({ globalBatch: options.spec.batch.global });
  }

  /** The last step that was committed in this generation; 0 where none was. */
  get step(): number {
    return this.#step;
  }

  /** The trained model, once rank 0 has finished. */
  get result(): worker.ModelPublished | undefined {
    return this.#finished ? this.#model?.value : undefined;
  }

  /** Of the trained model. */
  get scores(): readonly Score[] {
    return this.#finalScores.map(({ value }) => scoreOf(value));
  }

  /** Everything in `events` is written when this resolves, but the trained model and its scores. */
  async record(events: readonly RankEvent[]): Promise<void> {
    for (const { sequence, at, event } of events) {
      if (event?.$case !== 'step') await this.#flushSteps();
      if (event?.$case !== 'score') await this.#flushScores();
      switch (event?.$case) {
        case 'step':
          this.#steps.push({ sequence, at, value: event.value });
          break;
        case 'score':
          await this.#takeScore({ sequence, at, value: event.value });
          break;
        case 'phase':
          await this.#enter(event.value);
          break;
        case 'checkpoint':
          await this.#recordCheckpoint({ sequence, at, value: event.value });
          break;
        case 'predictions':
          await this.#recordPredictions({ sequence, at, value: event.value });
          break;
        case 'model':
          this.#model = { sequence, at, value: event.value };
          break;
        case 'finished':
          this.#finished = true;
          break;
        default:
        // `failed` is the supervision's business; an event of a newer worker is none of ours.
      }
    }
    await this.#flushSteps();
    await this.#flushScores();
  }

  /** From STARTING into RUNNING, and on to `wanted`; a state that was passed already is left alone. */
  async reach(wanted: 'RUNNING' | 'EVALUATING' | 'FINALIZING'): Promise<void> {
    const { writer } = this.#options;
    if (writer.status === 'STARTING') {
      await writer.move({ event: 'start', reason: 'TRAINING', message: 'Training' });
    }
    if (wanted === 'EVALUATING' && writer.status === 'RUNNING') {
      await writer.move({ event: 'evaluate', reason: 'SCORING', message: 'Scoring the trained model' });
    }
    if (wanted === 'FINALIZING' && isBefore(writer.status)) {
      await writer.move({ event: 'finalize', reason: 'PUBLISHING', message: 'Publishing the trained model' });
    }
  }

  /** Of any rank: a run waits for the one that has no room. What is said again and again is written once. */
  async recordWait(rank: number, { waiting, message }: worker.StorageWait): Promise<void> {
    const { writer } = this.#options;
    if (waiting) this.#waits.set(rank, message);
    else this.#waits.delete(rank);
    const usual = usualReason[writer.status];
    if (usual === undefined) return;
    const waits = [...this.#waits].sort(([a], [b]) => a - b).map(([of, why]) => `Rank ${of}: ${why}`);
    const said = `${writer.status} ${waits.join('; ')}`;
    if (said === this.#said) return;
    await writer.explain(
      waits.length > 0
        ? { reason: 'WAITING_FOR_STORAGE', message: waits.join('; ') }
        : { reason: usual, message },
    );
    this.#said = said;
  }

  async #enter({ phase, message }: worker.PhaseStarted): Promise<void> {
    const { writer } = this.#options;
    if (phase === 'evaluating') await this.reach('EVALUATING');
    else if (phase === 'publishing') await this.reach('FINALIZING');
    else if (writer.status === 'STARTING') {
      this.#said = '';
      await writer.explain({
        reason: 'PLACED',
        message: message || (preparing[phase] ?? `Preparing: ${phase}`),
      });
    }
  }

  async #flushSteps(): Promise<void> {
    const steps = this.#steps;
    const last = steps.at(-1);
    if (last === undefined) return;
    this.#steps = [];
    await this.reach('RUNNING');
    const values = steps.map(({ value }) => value);
    const progress = this.#meter.after(values);
    await this.#options.writer.recordSteps({
      steps: steps.map(metricOf),
      progress,
      lastSequence: this.#acknowledge(last.sequence),
    });
    this.#step = last.value.step;
  }

  /** A score that is no number (of a split in which nothing could be scored, say) is left out, and the run's log says so. */
  async #takeScore(reported: Sequenced<worker.ScoreReported>): Promise<void> {
    const { stage, task, metric, value, chance } = reported.value;
    const isNumber = Number.isFinite(value) && (chance === undefined || Number.isFinite(chance));
    if (!isNumber) {
      await this.#options.writer.recordLog(
        `${stage} ${task} ${metric} is ${value}, which is no number: left out`,
      );
    } else if (stage === 'final') this.#finalScores.push(reported);
    else this.#scores.push(reported);
  }

  async #flushScores(): Promise<void> {
    const last = this.#scores.at(-1);
    if (last === undefined) return;
    const scores = this.#scores.map(({ value }) => scoreOf(value));
    this.#scores = [];
    await this.#options.writer.recordScores({ scores, lastSequence: this.#acknowledge(last.sequence) });
  }

  async #recordCheckpoint({ sequence, at, value }: Sequenced<worker.CheckpointSaved>): Promise<void> {
    const { step, sha256, bytes } = value;
    const checkpoint = { step, sha256, bytes, at: timeOfDay(at) };
    await this.#options.writer.recordCheckpoint({ ...checkpoint, lastSequence: this.#acknowledge(sequence) });
    this.#options.onCheckpoint?.(checkpoint);
  }

  async #recordPredictions({ sequence, value }: Sequenced<worker.PredictionsStored>): Promise<void> {
    const { first: predictions, ...rest } = value;
    const report = { ...rest, predictions } as PredictionsReport;
    const { stage, task, count } = report;
    await this.#options.writer.recordLog(`${stage} ${task}: ${count} predictions stored`, {
      fields: report,
      lastSequence: this.#acknowledge(sequence),
    });
  }

  /** What is only written down with the end of the run, a supervisor that re-attaches must be told of again. */
  #acknowledge(sequence: number): number {
    const kept = [this.#finalScores[0], this.#model].flatMap((one) => (one ? [one.sequence - 1] : []));
    return Math.min(sequence, ...kept);
  }
}

const scoreOf = ({ chance, ...score }: worker.ScoreReported): Score => ({
  ...score,
  stage: score.stage as Score['stage'],
  split: score.split as Score['split'],
  unit: score.unit as Score['unit'],
  ...(chance === undefined ? {} : { chance }),
});

interface Sequenced<T> {
  readonly sequence: number;
  readonly at: number;
  readonly value: T;
}

/** By this process's clock, of a moment of {@link performance.now}. */
const timeOfDay = (at: number): string => new Date(Date.now() - (performance.now() - at)).toISOString();

const preparing: Readonly<Record<string, string>> = {
  loading: 'Loading data and model',
  baseline: 'Scoring the model before the first step',
  training: 'Computing the first step',
};

/** Of a run that waits for nothing. */
const usualReason: Partial<Record<RunStatus, RunReason>> = {
  STARTING: 'PLACED',
  RUNNING: 'TRAINING',
  EVALUATING: 'SCORING',
  FINALIZING: 'PUBLISHING',
};

const isBefore = (status: RunStatus): boolean => status === 'RUNNING' || status === 'EVALUATING';

function metricOf({ at, value }: Sequenced<worker.StepCommitted>): StepMetric {
  return {
    step: value.step,
    loss: value.loss,
    ...(value.datasetLosses.length > 0 && { datasetLosses: value.datasetLosses }),
    learningRate: value.learningRate,
    gradientNorm: value.gradientNorm,
    samplesPerSecond: value.samplesPerSecond,
    phaseSeconds: {
      data: value.dataSeconds,
      forwardBackward: value.forwardBackwardSeconds,
      allReduce: value.allReduceSeconds,
      optimizer: value.optimizerSeconds,
    },
    at: timeOfDay(at),
  };
}
