/**
 * What a user submits ({@link RunSpec}) and what the service makes of it ({@link ResolvedRunSpec}: every default filled in).
 * The defaults themselves depend on the model and live in the recipes (packages/training/src/catalog).
 */
import { type Static, Type } from 'typebox';
import type { Violation } from './errors.ts';
import {
  CheckpointPolicy,
  EarlyStopping,
  EvaluationPolicy,
  MAX_STEPS,
  Validation,
} from './evaluation-policy.ts';
import { violationsOf } from './validate.ts';
import { Backend, Name } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

/** A loss by its name in the training catalog, and its options; the catalog checks them. */
export const Objective = Type.Object(
  { kind: Type.String({ ...Name, description: 'What is minimised; each architecture has a default' }) },
  { additionalProperties: true },
);
export type Objective = Static<typeof Objective>;

export const GroupRates = Type.Object(
  {
    learningRate: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 10 })),
    weightDecay: Type.Optional(Type.Number({ minimum: 0, maximum: 10 })),
  },
  closed,
);

/** A parameter group, or a path of one inside another: `vision`, `vision/11`. */
const GroupPath = Type.String({ minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9-]+(/[A-Za-z0-9-]+)*$' });

export const Adapter = Type.Object(
  {
    rank: Type.Integer({ minimum: 1, maximum: 4096 }),
    alpha: Type.Number({ exclusiveMinimum: 0, maximum: 65_536 }),
    dropout: Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
    rankStabilised: Type.Boolean({ description: 'Scale alpha / sqrt(rank) instead of alpha / rank' }),
  },
  { ...closed, description: 'Low-rank adapters (LoRA)' },
);
export type Adapter = Static<typeof Adapter>;

/** One of several datasets that a run mixes. */
export const MixedDataset = Type.Object(
  {
    name: Type.String({ ...Name, description: 'Id or name of a registered dataset' }),
    weight: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1e6,
      description: 'Its share of every batch, relative to the others',
    }),
    lossWeight: Type.Number({ minimum: 0, maximum: 1e6, description: 'Factor of its mean loss in the sum' }),
  },
  closed,
);
export type MixedDataset = Static<typeof MixedDataset>;

const Towers = Type.Record(Name, Name, {
  ...closed,
  maxProperties: 4,
  description:
    'Towers that come from other models, by the id or name of the model: `vision` of a LLaVA or Flamingo from a CLIP',
});

export const Duration = Type.Union([
  Type.Object({ steps: Type.Integer({ minimum: 1, maximum: MAX_STEPS }) }, closed),
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
    byLength: Type.Optional(
      Type.Boolean({
        description: 'Batches of samples of similar length, with images or without: less padding',
      }),
    ),
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
    warmupSteps: Type.Integer({ minimum: 0, maximum: MAX_STEPS }),
  },
  closed,
);

/** Two numbers, the smaller one first. */
const Between = (options: { readonly maximum: number; readonly description: string }) =>
  Type.Unsafe<[number, number]>(
    Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: options.maximum }), {
      minItems: 2,
      maxItems: 2,
      description: options.description,
    }),
  );

export const Augmentation = Type.Object(
  {
    kind: Type.Literal('random-resized-crop'),
    scale: Between({ maximum: 1, description: "Smallest and largest share of the picture's area" }),
    ratio: Between({ maximum: 100, description: 'Smallest and largest width divided by height' }),
  },
  {
    ...closed,
    description:
      'Another part of each picture in every step, resized to what the model sees; scores see whole pictures',
  },
);
export type Augmentation = Static<typeof Augmentation>;

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
    towers: Type.Optional(Towers),
    method: Name,
    unlock: Type.Optional(Type.Array(GroupPath, { maxItems: 64, uniqueItems: true })),
    adapter: Type.Optional(Adapter),
    dataset: Name,
    datasets: Type.Optional(
      Type.Array(MixedDataset, { minItems: 1, maxItems: 32, description: 'The first one is `dataset`' }),
    ),
    inputs: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Options of the architecture: how samples become tokens and pictures',
    }),
    augmentation: Type.Optional(Augmentation),
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    objective: Objective,
    duration: Duration,
    batch: Batch,
    memory: ActivationMemory,
    optimizer: Optimizer,
    groups: Type.Optional(Type.Record(GroupPath, GroupRates, { ...closed, maxProperties: 64 })),
    layerDecay: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    averaging: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description:
          'Decay of an exponential moving average of the weights, which is what is scored and published',
      }),
    ),
    interpolation: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'What is scored and published lies so far on the way from the base model, at 0, to the trained one, at 1 (WiSE-FT)',
      }),
    ),
    schedule: Schedule,
    checkpoint: CheckpointPolicy,
    validation: Type.Optional(Validation),
    earlyStopping: Type.Optional(EarlyStopping),
    evaluation: EvaluationPolicy,
    workers: WorkerDemand,
    priority: Type.Integer({ minimum: 0, maximum: 100, description: '0 is the most urgent' }),
  },
  { ...closed, $id: 'ResolvedRunSpec' },
);
export type ResolvedRunSpec = Static<typeof ResolvedRunSpec>;

const MixedDatasetRequest = Type.Object(
  {
    name: MixedDataset.properties.name,
    weight: Type.Optional(MixedDataset.properties.weight),
    lossWeight: Type.Optional(MixedDataset.properties.lossWeight),
  },
  closed,
);

export const RunSpec = Type.Object(
  {
    name: Type.Optional(Name),
    model: Type.String({
      ...Name,
      description: 'A preset (GET /v1/models) or the id or name of a trained or imported model',
    }),
    towers: Type.Optional(Towers),
    method: Type.Optional(
      Type.String({ ...Name, description: 'What of the model is trained; each architecture has a default' }),
    ),
    unlock: Type.Optional(
      Type.Array(GroupPath, {
        maxItems: 64,
        uniqueItems: true,
        description: 'Parameter groups that are trained beside those of the method',
      }),
    ),
    adapter: Type.Optional(Type.Partial(Adapter, closed)),
    dataset: Type.Optional(Type.String({ ...Name, description: 'Id or name of a registered dataset' })),
    datasets: Type.Optional(
      Type.Array(MixedDatasetRequest, {
        minItems: 1,
        maxItems: 32,
        description:
          'Several datasets mixed in every batch, instead of `dataset`; the first one is scored on',
      }),
    ),
    inputs: Type.Optional(ResolvedRunSpec.properties.inputs),
    augmentation: Type.Optional(Type.Partial(Augmentation, closed)),
    seed: Type.Optional(ResolvedRunSpec.properties.seed),
    objective: Type.Optional(Objective),
    duration: Type.Optional(Duration),
    batch: Type.Optional(Type.Partial(Batch, closed)),
    memory: Type.Optional(ActivationMemory),
    optimizer: Type.Optional(Type.Partial(Optimizer, closed)),
    groups: Type.Optional(
      Type.Record(GroupPath, GroupRates, {
        ...closed,
        maxProperties: 64,
        description: 'Learning rate and weight decay of parameter groups that differ from the rest',
      }),
    ),
    layerDecay: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description:
          'The learning rate of a layer is multiplied by this for every layer above it in its tower',
      }),
    ),
    averaging: Type.Optional(ResolvedRunSpec.properties.averaging),
    interpolation: Type.Optional(ResolvedRunSpec.properties.interpolation),
    schedule: Type.Optional(Type.Partial(Schedule, closed)),
    checkpoint: Type.Optional(Type.Partial(CheckpointPolicy, closed)),
    validation: Type.Optional(Type.Partial(Validation, closed)),
    earlyStopping: Type.Optional(Type.Partial(EarlyStopping, closed)),
    evaluation: Type.Optional(Type.Partial(EvaluationPolicy, closed)),
    workers: Type.Optional(Type.Partial(WorkerDemand, closed)),
    priority: Type.Optional(ResolvedRunSpec.properties.priority),
  },
  { ...closed, $id: 'RunSpec' },
);
export type RunSpec = Static<typeof RunSpec>;

/** Every violation of a submission: of its schema, and of the choice between one dataset and several. */
export function runSpecViolations(value: unknown): Violation[] {
  const found = violationsOf(RunSpec, value);
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Partial<RunSpec>;
  if (fields.dataset !== undefined || fields.datasets !== undefined) return found;
  return [
    ...found,
    {
      path: '/dataset',
      expected: 'a value',
      actual: 'nothing',
      remedy: 'name a dataset, or several in "datasets"; see GET /v1/datasets',
    },
  ];
}
