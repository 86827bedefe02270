/** What a generation reports while it works: steps, checkpoints, scores. Each is part of one write to its run. */
import { type Checkpoint, type Progress, type Score, TriptychError } from '@triptych/protocol';
import { stepMetricRow } from './run-rows.ts';
import type { LogLine, Sequenced, StepBatch } from './run-store.ts';
import type { RunWrite } from './run-write.ts';
import { storable } from './storable.ts';

/** Of a run that is not over. One that cannot be read is passed over for the one before it; without any, a run starts again. */
export const KEPT_CHECKPOINTS = 3;

/** What changed by a batch of steps, for the observer. */
export interface StepsWritten {
  readonly samples: number;
  /** Only for the run's first steps: seconds from its submission. */
  readonly first?: { readonly waitSeconds: number };
}

export async function writeSteps(
  write: RunWrite,
  { steps, progress, lastSequence }: StepBatch,
): Promise<StepsWritten> {
  write.assertAlive('a step');
  const { id: runId, createdAt, firstStepAt, progress: before } = write.run;
  const { stepMetric } = write.transaction;
  await stepMetric.deleteMany({ where: { runId, step: { in: steps.map(({ step }) => step) } } });
  await stepMetric.createMany({ data: steps.map((metric) => stepMetricRow(runId, metric)) });
  await thinSteps(write, { from: (before as Progress).step, progress });
  const first = firstStepAt === null && steps[0] ? new Date(steps[0].at) : undefined;
  await write.tell({
    type: 'progress',
    message: `Step ${progress.step} of ${progress.totalSteps}`,
    detail: progress,
    fields: {
      progress,
      ...(first ? { firstStepAt: first } : {}),
      workerSequence: newest(write, lastSequence),
    },
  });
  return {
    samples: progress.samplesProcessed - (before as Progress).samplesProcessed,
    ...(first ? { first: { waitSeconds: (first.getTime() - createdAt.getTime()) / 1000 } } : {}),
  };
}

/** Steps of a long run whose metrics are kept, evenly spread; a power of two more at most. */
const KEPT_STEPS = 10_000;
/** The newest steps are all there. */
const NEWEST_STEPS = 2000;
const STEPS_PER_THINNING = 500;

/** Of a run of more than 10,000 steps every second, fourth, ... is kept, as soon as it is not among the newest. */
async function thinSteps(
  { run, transaction }: RunWrite,
  { from, progress: { step, totalSteps } }: { from: number; progress: Progress },
): Promise<void> {
  const round = (at: number) => Math.floor(at / STEPS_PER_THINNING);
  const stride = 2 ** Math.max(0, Math.ceil(Math.log2(totalSteps / KEPT_STEPS)));
  if (stride === 1 || round(step) === round(from)) return;
  await transaction.$executeRaw`
    DELETE FROM step_metrics
    WHERE run_id = ${run.id} AND step <= ${step - NEWEST_STEPS} AND step > 1 AND step % ${stride} <> 0`;
}

/**
 * `NOT_DETERMINISTIC` where the run had another checkpoint of this step: a step that is repeated gives the same bits, and where
 * it does not, no result of this run can be trusted.
 */
export async function writeCheckpoint(write: RunWrite, saved: Sequenced<Checkpoint>): Promise<void> {
  write.assertAlive('a checkpoint');
  const { step, sha256, bytes, at, lastSequence } = saved;
  const runId = write.run.id;
  const { checkpoint } = write.transaction;
  const key = { runId_step: { runId, step } };
  const known = await checkpoint.findUnique({ where: key });
  if (known?.sha256 === sha256) {
    // Its bytes are there again.
    if (known.superseded) await checkpoint.update({ where: key, data: { superseded: false } });
    return;
  }
  if (known)
    throw new TriptychError(
      'NOT_DETERMINISTIC',
      `Step ${step} was computed again and gave other bits: its checkpoint was ${known.sha256} and is ${sha256} now`,
    );
  await checkpoint.create({ data: { runId, step, sha256, bytes: BigInt(bytes), at: new Date(at) } });
  // Later ones than this are of a time before the run went back: whether they can be read is not known.
  const older = await checkpoint.findMany({
    where: { runId, step: { lte: step }, superseded: false },
    orderBy: { step: 'desc' },
    skip: KEPT_CHECKPOINTS,
    select: { step: true },
  });
  await checkpoint.updateMany({
    where: { runId, step: { in: older.map((one) => one.step) } },
    data: { superseded: true },
  });
  await write.tell({
    type: 'checkpoint',
    message: `Checkpoint of step ${step}`,
    detail: { step, sha256, bytes },
    fields: { workerSequence: newest(write, lastSequence) },
  });
}

export async function writeScores(
  write: RunWrite,
  { scores: reported, lastSequence }: { scores: readonly Score[]; lastSequence?: number },
): Promise<void> {
  write.assertAlive('a score');
  if (reported.length === 0) return;
  const scores = storable(reported);
  const runId = write.run.id;
  const { score } = write.transaction;
  await score.deleteMany({
    where: {
      runId,
      OR: scores.map(({ task, metric, stage, step }) => ({
        ...{ task, metric, stage },
        // A run is validated many times; of the others the newest counts.
        ...(stage === 'validation' && { step }),
      })),
    },
  });
  await score.createMany({ data: scores.map((one) => ({ runId, ...one })) });
  await write.tell({
    type: 'score',
    message: scores
      .map(({ stage, task, metric, value }) => `${stage} ${task} ${metric} ${value.toFixed(4)}`)
      .join(', '),
    detail: { scores },
    fields: { workerSequence: newest(write, lastSequence) },
  });
}

/** Of a worker's report, or of the supervisor itself, whose lines have no sequence. */
export async function writeLog(
  write: RunWrite,
  { message, fields = {}, lastSequence }: LogLine,
): Promise<void> {
  await write.tell({
    type: 'log',
    message,
    detail: fields,
    ...(lastSequence === undefined ? {} : { fields: { workerSequence: newest(write, lastSequence) } }),
  });
}

/** Reports may be recorded out of order; re-attaching goes by the newest. */
const newest = ({ run }: RunWrite, sequence = 0): bigint =>
  BigInt(sequence) > run.workerSequence ? BigInt(sequence) : run.workerSequence;
