/** From rows to what the API shows. Columns that hold JSON were checked before they were written. */
import {
  type Checkpoint,
  type Progress,
  type ResolvedRunSpec,
  type Run,
  type RunEvent,
  type RunReason,
  type RunStatus,
  type Score,
  type StepMetric,
  upgradeSpec,
} from '@triptych/protocol';
import type {
  Checkpoint as CheckpointRow,
  RunEvent as RunEventRow,
  Run as RunRow,
  Score as ScoreRow,
  StepMetric as StepMetricRow,
} from './generated/client.ts';

export type { RunRow };

/** What a {@link Run} needs beside its own row. */
export const runRelations = {
  scores: { orderBy: { position: 'asc' } },
  model: { select: { id: true } },
} as const;

export type RunRowWithRelations = RunRow & { scores: ScoreRow[]; model: { id: string } | null };

export function runOf(row: RunRowWithRelations, queuePosition?: number): Run {
  return {
    id: row.id,
    ...(row.name === null ? {} : { name: row.name }),
    status: row.status as RunStatus,
    reason: row.reason as RunReason,
    message: row.message,
    ...(queuePosition === undefined ? {} : { queuePosition }),
    attempt: row.attempt,
    generation: row.generation,
    worldSize: row.worldSize,
    progress: row.progress as Progress,
    scores: row.scores.map(scoreOf),
    architecture: row.architecture,
    spec: upgradeSpec(row.spec) as ResolvedRunSpec,
    datasetId: row.datasetId,
    ...(row.model ? { modelId: row.model.id } : {}),
    ...(row.weightsSha256 === null
      ? {}
      : { weights: { sha256: row.weightsSha256, bytes: Number(row.weightsBytes) } }),
    createdAt: row.createdAt.toISOString(),
    ...(row.startedAt ? { startedAt: row.startedAt.toISOString() } : {}),
    ...(row.firstStepAt ? { firstStepAt: row.firstStepAt.toISOString() } : {}),
    ...(row.finishedAt ? { finishedAt: row.finishedAt.toISOString() } : {}),
  };
}

export const eventOf = (row: RunEventRow): RunEvent => ({
  sequence: row.sequence,
  runId: row.runId,
  at: row.at.toISOString(),
  type: row.type as RunEvent['type'],
  status: row.status as RunStatus,
  reason: row.reason as RunReason,
  message: row.message,
  data: row.detail as Record<string, unknown>,
});

export const scoreOf = (row: ScoreRow): Score => ({
  task: row.task,
  metric: row.metric,
  value: row.value,
  stage: row.stage as Score['stage'],
  split: row.split as Score['split'],
  step: row.step,
  samples: row.samples,
  unit: row.unit as Score['unit'],
  ...(row.chance === null ? {} : { chance: row.chance }),
});

export const checkpointOf = (row: CheckpointRow): Checkpoint => ({
  step: row.step,
  sha256: row.sha256,
  bytes: Number(row.bytes),
  at: row.at.toISOString(),
});

export const stepMetricOf = (row: StepMetricRow): StepMetric => ({
  step: row.step,
  loss: row.loss,
  learningRate: row.learningRate,
  gradientNorm: row.gradientNorm,
  samplesPerSecond: row.samplesPerSecond,
  phaseSeconds: {
    data: row.dataSeconds,
    forwardBackward: row.forwardBackwardSeconds,
    allReduce: row.allReduceSeconds,
    optimizer: row.optimizerSeconds,
  },
  ...(row.datasetLosses === null ? {} : { datasetLosses: row.datasetLosses as number[] }),
  at: row.at.toISOString(),
});

export const stepMetricRow = (runId: string, { phaseSeconds, at, datasetLosses, ...metric }: StepMetric) => ({
  runId,
  ...metric,
  ...(datasetLosses ? { datasetLosses } : {}),
  dataSeconds: phaseSeconds.data,
  forwardBackwardSeconds: phaseSeconds.forwardBackward,
  allReduceSeconds: phaseSeconds.allReduce,
  optimizerSeconds: phaseSeconds.optimizer,
  at: new Date(at),
});
