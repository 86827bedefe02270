/** Runs as the REST API shows them: the run, its events, step metrics, scores, checkpoints and the plan of a run to be. */
import { type Static, Type } from 'typebox';
import { Numerics } from './numerics.ts';
import { ResolvedRunSpec } from './run-spec.ts';
import { RunReason, RunStatus, runStatuses } from './run-state.ts';
import { Backend, Id, IdOrName, Name, PageOf, PageQuery, Sha256, Split, Timestamp } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

export const Progress = Type.Object(
  {
    step: Type.Integer(),
    totalSteps: Type.Integer(),
    epoch: Type.Number(),
    ratio: Type.Number(),
    etaSeconds: Type.Optional(Type.Number()),
    samplesPerSecond: Type.Optional(Type.Number()),
    samplesProcessed: Type.Integer(),
    loss: Type.Optional(Type.Number()),
  },
  { ...closed, $id: 'Progress' },
);
export type Progress = Static<typeof Progress>;

/** When a score was taken: before the first step, in a validation on the way, of what is published. */
export const ScoreStage = Type.Union([
  Type.Literal('baseline'),
  Type.Literal('validation'),
  Type.Literal('final'),
]);

/** One score. `chance` is what guessing would give. */
export const Score = Type.Object(
  {
    task: Type.String(),
    metric: Type.String(),
    value: Type.Number(),
    stage: ScoreStage,
    split: Split,
    step: Type.Integer(),
    samples: Type.Integer(),
    unit: Type.Union([Type.Literal('ratio'), Type.Literal('number')], {
      description: 'ratio: a part of 1, shown as a percentage; number: as it is',
    }),
    chance: Type.Optional(Type.Number()),
  },
  { ...closed, $id: 'Score' },
);
export type Score = Static<typeof Score>;

/** What a model said to one sample, beside what would have been right. */
export const SamplePrediction = Type.Object(
  {
    id: Type.String({ description: 'Of the sample' }),
    prompt: Type.String({ description: 'The question or request; empty for a caption' }),
    prediction: Type.String(),
    truth: Type.Array(Type.String()),
  },
  { ...closed, $id: 'SamplePrediction' },
);
export type SamplePrediction = Static<typeof SamplePrediction>;

/** Data of a `log` event: the predictions of a task are stored, and these are the first. */
export const PredictionsReport = Type.Object(
  {
    task: Type.String(),
    stage: Type.Union([Type.Literal('baseline'), Type.Literal('final')]),
    split: Split,
    step: Type.Integer(),
    count: Type.Integer(),
    sha256: Sha256,
    predictions: Type.Array(SamplePrediction),
  },
  closed,
);
export type PredictionsReport = Static<typeof PredictionsReport>;
export const PredictionList = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          ...Type.Omit(PredictionsReport, ['sha256', 'predictions']).properties,
          predictions: Type.Array(SamplePrediction, { description: 'Those that were asked for' }),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: 'PredictionList' },
);
export type PredictionList = Static<typeof PredictionList>;

export const Run = Type.Object(
  {
    id: Id,
    name: Type.Optional(Type.String()),
    status: RunStatus,
    reason: RunReason,
    message: Type.String(),
    queuePosition: Type.Optional(Type.Integer({ minimum: 1 })),
    attempt: Type.Integer(),
    generation: Type.Integer(),
    worldSize: Type.Integer(),
    numerics: Type.Optional(Numerics),
    progress: Progress,
    scores: Type.Array(Score),
    architecture: Type.String(),
    spec: ResolvedRunSpec,
    datasetId: Id,
    submittedBy: Type.Optional(Type.String({ description: 'Who submitted it, where somebody was asked' })),
    modelId: Type.Optional(Type.String({ description: 'The trained model, once the run has succeeded' })),
    weights: Type.Optional(
      Type.Object(
        { sha256: Sha256, bytes: Type.Integer() },
        { ...closed, description: 'model.safetensors of the trained model' },
      ),
    ),
    createdAt: Timestamp,
    startedAt: Type.Optional(Timestamp),
    firstStepAt: Type.Optional(Timestamp),
    finishedAt: Type.Optional(Timestamp),
  },
  { ...closed, $id: 'Run' },
);
export type Run = Static<typeof Run>;
export const RunPage = PageOf(Run, 'RunPage');
export const RunQuery = Type.Object(
  {
    ...PageQuery.properties,
    status: Type.Optional(Type.Enum([...runStatuses], { description: 'Only runs with this status' })),
    dataset: Type.Optional(IdOrName('the dataset that the runs train on')),
    model: Type.Optional(
      Type.String({ ...Name, description: 'The model that the runs start from, as they name it' }),
    ),
  },
  closed,
);

/** A state change or another notable fact in the life of a run. `sequence` is the SSE id. */
export const RunEvent = Type.Object(
  {
    sequence: Type.Integer(),
    runId: Id,
    at: Timestamp,
    type: Type.Union([
      Type.Literal('state'),
      Type.Literal('progress'),
      Type.Literal('checkpoint'),
      Type.Literal('score'),
      Type.Literal('log'),
    ]),
    status: RunStatus,
    reason: RunReason,
    message: Type.String(),
    actor: Type.Optional(Type.String({ description: 'Who caused it; absent: the service itself' })),
    data: Type.Record(Type.String(), Type.Unknown()),
  },
  { ...closed, $id: 'RunEvent' },
);
export type RunEvent = Static<typeof RunEvent>;
export const RunEventPage = Type.Object(
  { items: Type.Array(RunEvent), nextSequence: Type.Integer() },
  { ...closed, $id: 'RunEventPage' },
);

export const StepMetric = Type.Object(
  {
    step: Type.Integer(),
    loss: Type.Number(),
    datasetLosses: Type.Optional(
      Type.Array(Type.Number(), {
        description: 'The mean loss of each dataset of the run, in the order of the spec',
      }),
    ),
    learningRate: Type.Number(),
    gradientNorm: Type.Number(),
    samplesPerSecond: Type.Number(),
    phaseSeconds: Type.Object(
      {
        data: Type.Number(),
        forwardBackward: Type.Number(),
        allReduce: Type.Number(),
        optimizer: Type.Number(),
      },
      closed,
    ),
    at: Timestamp,
  },
  { ...closed, $id: 'StepMetric' },
);
export type StepMetric = Static<typeof StepMetric>;
export const StepMetricPage = Type.Object(
  { items: Type.Array(StepMetric), nextStep: Type.Integer() },
  { ...closed, $id: 'StepMetricPage' },
);

export const Checkpoint = Type.Object(
  {
    step: Type.Integer(),
    sha256: Sha256,
    bytes: Type.Integer(),
    at: Timestamp,
    superseded: Type.Optional(
      Type.Boolean({ description: 'True where newer ones took its place, or the run is over: its bytes go' }),
    ),
  },
  { ...closed, $id: 'Checkpoint' },
);
export type Checkpoint = Static<typeof Checkpoint>;
export const CheckpointList = Type.Object(
  { items: Type.Array(Checkpoint) },
  { ...closed, $id: 'CheckpointList' },
);
export const ScoreList = Type.Object({ items: Type.Array(Score) }, { ...closed, $id: 'ScoreList' });

/** What would happen if the spec were submitted now. Nothing is created. */
export const RunPlan = Type.Object(
  {
    spec: ResolvedRunSpec,
    parameters: Type.Integer(),
    trainedParameters: Type.Integer({ description: 'Those that the method trains, adapters included' }),
    totalSteps: Type.Integer(),
    stepsPerEpoch: Type.Integer(),
    samples: Type.Integer(),
    memoryBytesPerWorker: Type.Integer({
      description: 'Peak of the whole process, with workers.min workers',
    }),
    heapBytesPerWorker: Type.Integer({
      description: 'The part of it that tensors take; the wasm backend has 4 GiB for these on any machine',
    }),
    worldSizes: Type.Array(Type.Integer(), { description: 'Numbers of workers this run can use' }),
    workersReady: Type.Integer(),
    queuePosition: Type.Integer(),
    etaSeconds: Type.Optional(
      Type.Number({
        description:
          'Of training, once it has begun, by the pace of a run like it; absent where there was none',
      }),
    ),
    backend: Type.Optional(Backend),
    numerics: Type.Optional(
      Type.String({ description: 'Digest of the workers that it would begin on, as things are' }),
    ),
    warnings: Type.Array(Type.String()),
  },
  { ...closed, $id: 'RunPlan' },
);
export type RunPlan = Static<typeof RunPlan>;
