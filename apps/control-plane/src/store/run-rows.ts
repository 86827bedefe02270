/**
 * From rows to what the API shows. Columns that hold JSON were checked before they were written, by the release of that day;
 * whoever works with them checks them again with {@link assertReadable}.
 */
import {
  type Checkpoint,
  invalidInput,
  Numerics,
  Progress,
  ResolvedRunSpec,
  type Run,
  type RunEvent,
  type RunReason,
  type RunStatus,
  type Score,
  Sha256,
  type StepMetric,
  upgradeSpec,
  type Violation,
  violationsOf,
} from '@triptych/protocol';
import { type TSchema, Type } from 'typebox';
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
  // Of validations there may be a thousand: who wants them asks for the scores.
  scores: { where: { stage: { not: 'validation' } }, orderBy: { position: 'asc' } },
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
    ...(row.numerics === null ? {} : { numerics: row.numerics as Numerics }),
    progress: row.progress as Progress,
    scores: row.scores.map(scoreOf),
    architecture: row.architecture,
    spec: upgradeSpec(row.spec) as ResolvedRunSpec,
    datasetId: row.datasetId,
    ...(row.submittedBy === null ? {} : { submittedBy: row.submittedBy }),
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

/** False of a run whose spec this release cannot read: it is shown as it is, and nothing is worked out from it. */
export const hasReadableSpec = ({ spec }: Run): boolean => violationsOf(ResolvedRunSpec, spec).length === 0;

/** `INVALID_INPUT` with everything that this release cannot read in a run's columns of JSON. */
export function assertReadable(row: RunRow): void {
  const columns: readonly [name: string, schema: TSchema, value: unknown][] = [
    ['spec', ResolvedRunSpec, upgradeSpec(row.spec)],
    ['progress', Progress, row.progress],
    ['numerics', Type.Union([Numerics, Type.Null()]), row.numerics],
    ['datasetManifests', Type.Union([Type.Array(Sha256), Type.Null()]), row.datasetManifests],
    ['towerArtifacts', Type.Union([Type.Record(Type.String(), Sha256), Type.Null()]), row.towerArtifacts],
  ];
  const violations = columns.flatMap(([name, schema, value]) =>
    violationsOf(schema, value).map((one): Violation => ({ ...one, path: `/${name}${one.path}` })),
  );
  if (violations.length > 0) throw invalidInput(`record of run ${row.id}`, violations);
}

export const eventOf = (row: RunEventRow): RunEvent => ({
  sequence: row.sequence,
  runId: row.runId,
  at: row.at.toISOString(),
  type: row.type as RunEvent['type'],
  status: row.status as RunStatus,
  reason: row.reason as RunReason,
  message: row.message,
  ...(row.actor === null ? {} : { actor: row.actor }),
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
  ...(row.superseded ? { superseded: true } : {}),
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
