/**
 * What a user submits ({@link RunSpec}) and what the service makes of it ({@link ResolvedRunSpec}: every default filled in).
 * The defaults themselves depend on the model and live in the recipes (packages/training/src/catalog).
 */
import { type Static, Type } from 'typebox';
import { Backend, Name, Split } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

export const Objective = Type.Union([
  Type.Object(
    { kind: Type.Literal('infonce') },
    { ...closed, description: 'Symmetric cross entropy over all pairs of the global batch (CLIP)' },
  ),
  Type.Object(
    { kind: Type.Literal('siglip') },
    { ...closed, description: 'Sigmoid loss over all pairs of the global batch (SigLIP)' },
  ),
]);
export type Objective = Static<typeof Objective>;

export const Duration = Type.Union([
  Type.Object({ steps: Type.Integer({ minimum: 1, maximum: 10_000_000 }) }, closed),
  Type.Object({ epochs: Type.Integer({ minimum: 1, maximum: 10_000 }) }, closed),
]);
export type Duration = Static<typeof Duration>;

export const Batch = Type.Object(
  {
    global: Type.Integer({
      minimum: 2,
      maximum: 1_048_576,
      description: 'Samples per step over the whole fleet',
    }),
    shards: Type.Integer({
      minimum: 1,
      maximum: 1024,
      description:
        'Fixed slices of every global batch: the unit of work, of memory (a worker holds one slice at a time) and of exactness. It bounds the number of workers.',
    }),
  },
  closed,
);

export const Optimizer = Type.Object(
  {
    kind: Type.Literal('adamw'),
    learningRate: Type.Number({ exclusiveMinimum: 0, maximum: 10 }),
    beta1: Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
    beta2: Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
    epsilon: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    weightDecay: Type.Number({ minimum: 0, maximum: 10 }),
    clipNorm: Type.Number({
      minimum: 0,
      maximum: 1e6,
      description: 'Global gradient norm limit; 0 turns it off',
    }),
  },
  closed,
);

export const Schedule = Type.Object(
  {
    kind: Type.Union([Type.Literal('cosine'), Type.Literal('constant')]),
    warmupSteps: Type.Integer({ minimum: 0, maximum: 10_000_000 }),
  },
  closed,
);

export const CheckpointPolicy = Type.Object(
  {
    everySteps: Type.Integer({
      minimum: 0,
      maximum: 10_000_000,
      description: '0 keeps only the final weights',
    }),
  },
  closed,
);

export const EvaluationTask = Type.Union([Type.Literal('zero-shot'), Type.Literal('retrieval')]);
export type EvaluationTask = Static<typeof EvaluationTask>;

export const EvaluationPolicy = Type.Object(
  {
    tasks: Type.Array(EvaluationTask, { uniqueItems: true, maxItems: 8 }),
    split: Split,
    baseline: Type.Boolean({ description: 'Also score the model before the first step' }),
  },
  closed,
);

export const ActivationMemory = Type.Union([Type.Literal('keep'), Type.Literal('checkpoint')], {
  description:
    'What a worker holds between forward and backward pass. "checkpoint": of every transformer block its input alone, and the block is computed again: several times less memory for a third more arithmetic. The weights of the run have the same bits either way.',
});
export type ActivationMemory = Static<typeof ActivationMemory>;

export const WorkerDemand = Type.Object(
  {
    min: Type.Integer({ minimum: 1, maximum: 1024 }),
    max: Type.Integer({ minimum: 1, maximum: 1024 }),
    pool: Name,
    backend: Type.Optional(Backend),
  },
  closed,
);

export const ResolvedRunSpec = Type.Object(
  {
    name: Type.Optional(Name),
    model: Name,
    dataset: Name,
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    objective: Objective,
    duration: Duration,
    batch: Batch,
    memory: ActivationMemory,
    optimizer: Optimizer,
    schedule: Schedule,
    checkpoint: CheckpointPolicy,
    evaluation: EvaluationPolicy,
    workers: WorkerDemand,
    priority: Type.Integer({ minimum: 0, maximum: 100, description: '0 is the most urgent' }),
  },
  { ...closed, $id: 'ResolvedRunSpec' },
);
export type ResolvedRunSpec = Static<typeof ResolvedRunSpec>;

export const RunSpec = Type.Object(
  {
    name: Type.Optional(Name),
    model: Type.String({
      ...Name,
      description: 'A preset (GET /v1/models) or the id or name of a trained or imported model',
    }),
    dataset: Type.String({ ...Name, description: 'Id or name of a registered dataset' }),
    seed: Type.Optional(ResolvedRunSpec.properties.seed),
    objective: Type.Optional(Objective),
    duration: Type.Optional(Duration),
    batch: Type.Optional(Type.Partial(Batch, closed)),
    memory: Type.Optional(ActivationMemory),
    optimizer: Type.Optional(Type.Partial(Optimizer, closed)),
    schedule: Type.Optional(Type.Partial(Schedule, closed)),
    checkpoint: Type.Optional(Type.Partial(CheckpointPolicy, closed)),
    evaluation: Type.Optional(Type.Partial(EvaluationPolicy, closed)),
    workers: Type.Optional(Type.Partial(WorkerDemand, closed)),
    priority: Type.Optional(ResolvedRunSpec.properties.priority),
  },
  { ...closed, $id: 'RunSpec' },
);
export type RunSpec = Static<typeof RunSpec>;
