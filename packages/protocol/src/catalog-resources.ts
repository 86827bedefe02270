/** Datasets, models, workers and the health of the service as the REST API shows them. */
import { type Static, Type } from 'typebox';
import { type ErrorCode, errorTable, TriptychError } from './errors.ts';
import { Numerics } from './numerics.ts';
import { Text } from './text.ts';
import { Backend, Id, Name, PageOf, Sha256, Split, Timestamp, ViolationReport } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

/** Open here: the formats are the datasets' to know, and the server checks the name against them. */
export const DatasetFormat = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[a-z0-9]+(-[a-z0-9]+)*$',
  description: 'How the folder is laid out; `auto` takes the first format that recognises it',
});
export type DatasetFormat = Static<typeof DatasetFormat>;

export const RegisterDataset = Type.Object(
  {
    name: Name,
    path: Text({
      minLength: 1,
      maxLength: 4096,
      description: 'A folder that the control plane can read',
    }),
    format: Type.Optional(DatasetFormat),
  },
  { ...closed, $id: 'RegisterDataset' },
);
export type RegisterDataset = Static<typeof RegisterDataset>;

export const SplitSummary = Type.Object(
  {
    split: Split,
    samples: Type.Integer(),
    images: Type.Integer({ description: 'Different images; one may belong to many samples' }),
    captions: Type.Integer(),
    classes: Type.Integer({ description: 'Classes with at least one image; 0 where images carry no class' }),
    contents: Type.Object(
      {
        captions: Type.Integer(),
        interleaved: Type.Integer(),
        question: Type.Integer(),
        conversation: Type.Integer(),
      },
      { ...closed, description: 'Samples by what they say about their images' },
    ),
  },
  { ...closed, $id: 'SplitSummary' },
);
export type SplitSummary = Static<typeof SplitSummary>;

export const DatasetState = Type.Union(
  [Type.Literal('VALIDATING'), Type.Literal('READY'), Type.Literal('INVALID')],
  { $id: 'DatasetState', description: 'VALIDATING while its folder is read; runs train on what is READY' },
);
export type DatasetState = Static<typeof DatasetState>;

/** How far the reading of a folder has come. */
export const DatasetProgress = Type.Object(
  {
    phase: Type.Union(
      [Type.Literal('waiting'), Type.Literal('read'), Type.Literal('check'), Type.Literal('pack')],
      {
        description:
          'waiting: for its turn, or for what `message` says; read: lists files and annotations; check: decodes every image; pack: stores the usable ones',
      },
    ),
    done: Type.Integer({ description: 'Image files' }),
    total: Type.Integer({ description: 'Image files; 0 while it is not known' }),
    message: Type.Optional(Type.String()),
  },
  { ...closed, $id: 'DatasetProgress' },
);
export type DatasetProgress = Static<typeof DatasetProgress>;

export const DatasetFailure = Type.Object(
  {
    code: Type.String({ description: 'Of the table at /docs/errors' }),
    message: Type.String(),
    violations: Type.Optional(Type.Array(ViolationReport)),
  },
  { ...closed, $id: 'DatasetFailure' },
);
export type DatasetFailure = Static<typeof DatasetFailure>;

export const Dataset = Type.Object(
  {
    id: Id,
    name: Type.String(),
    state: DatasetState,
    progress: Type.Optional(DatasetProgress),
    failure: Type.Optional(DatasetFailure),
    format: Type.String({
      ...DatasetFormat,
      description: 'How the folder is laid out; until it is READY, what was asked for',
    }),
    path: Type.String(),
    manifest: Type.Optional(
      Type.String({ ...Sha256, description: 'Names the content; absent until it is READY' }),
    ),
    bytes: Type.Integer(),
    splits: Type.Array(SplitSummary),
    classNames: Type.Array(Type.String()),
    problems: Type.Array(
      Type.Object(
        { kind: Type.String(), count: Type.Integer(), examples: Type.Array(Type.String()) },
        closed,
      ),
      { description: 'What was found, and what was left out or moved for it: nothing is silently' },
    ),
    createdAt: Timestamp,
    deletedAt: Type.Optional(
      Type.String({ ...Timestamp, description: 'Only among the datasets of a run, which knows them longer' }),
    ),
  },
  { ...closed, $id: 'Dataset' },
);
export type Dataset = Static<typeof Dataset>;

/** What runs can train on. */
export type ReadyDataset = Dataset & { readonly state: 'READY'; readonly manifest: string };

export const isReady = (dataset: Dataset): dataset is ReadyDataset =>
  dataset.state === 'READY' && dataset.manifest !== undefined;

/** What is wrong with a dataset that is INVALID, as an error. */
export const failureOf = ({ name, failure }: Dataset): TriptychError => {
  const { code = 'DATASET_INVALID', message = 'it cannot be used', violations = [] } = failure ?? {};
  return new TriptychError(
    code in errorTable ? (code as ErrorCode) : 'DATASET_INVALID',
    `Dataset ${name} is INVALID: ${message}`,
    { violations },
  );
};
export const DatasetPage = PageOf(Dataset, 'DatasetPage');
export const DatasetList = Type.Object({ items: Type.Array(Dataset) }, { ...closed, $id: 'DatasetList' });

export const Model = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    kind: Type.Union([Type.Literal('preset'), Type.Literal('imported'), Type.Literal('trained')]),
    architecture: Type.String({ description: 'Whose configuration and weights these are' }),
    parameters: Type.Integer(),
    description: Type.String(),
    config: Type.Record(Type.String(), Type.Unknown(), { description: 'Hugging Face config.json' }),
    artifact: Type.Optional(Sha256),
    weights: Type.Optional(Type.Object({ sha256: Sha256, bytes: Type.Integer() }, closed)),
    files: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), sha256: Sha256, bytes: Type.Integer() }, closed)),
    ),
    predictions: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Kinds of predictions that it can make (POST /v1/predictions); none for a preset',
      }),
    ),
    runId: Type.Optional(Id),
    createdAt: Type.Optional(Timestamp),
  },
  { ...closed, $id: 'Model' },
);
export type Model = Static<typeof Model>;
export const ModelPage = PageOf(Model, 'ModelPage');

export const ImportModel = Type.Object(
  {
    name: Name,
    path: Text({
      minLength: 1,
      maxLength: 4096,
      description: 'A folder in Hugging Face layout; with "base", one in which PEFT saved an adapter',
    }),
    base: Type.Optional(
      Type.String({
        ...Name,
        description: 'Id or name of the imported or trained model that the adapter belongs to',
      }),
    ),
  },
  { ...closed, $id: 'ImportModel' },
);
export type ImportModel = Static<typeof ImportModel>;

export const InterpolateModels = Type.Object(
  {
    name: Name,
    base: Type.String({ ...Name, description: 'Id or name of the model at 0: what a run started from' }),
    trained: Type.String({ ...Name, description: 'Id or name of the model at 1' }),
    alpha: Type.Number({ minimum: 0, maximum: 1, description: '(1 - alpha) base + alpha trained' }),
  },
  { ...closed, $id: 'InterpolateModels' },
);
export type InterpolateModels = Static<typeof InterpolateModels>;

export const WorkerState = Type.Union(
  [Type.Literal('idle'), Type.Literal('busy'), Type.Literal('draining'), Type.Literal('lost')],
  { $id: 'WorkerState' },
);
export type WorkerState = Static<typeof WorkerState>;

export const Worker = Type.Object(
  {
    id: Id,
    address: Type.String(),
    pool: Type.String(),
    backend: Backend,
    device: Type.String(),
    threads: Type.Integer(),
    memoryBytes: Type.Integer(),
    memoryUsedBytes: Type.Integer(),
    eventLoopLagMs: Type.Number(),
    version: Type.String(),
    numerics: Type.Optional(Numerics),
    state: WorkerState,
    runId: Type.Optional(Id),
    rank: Type.Optional(Type.Integer()),
    registeredAt: Timestamp,
    leaseExpiresAt: Timestamp,
  },
  { ...closed, $id: 'Worker' },
);
export type Worker = Static<typeof Worker>;
export const WorkerPage = PageOf(Worker, 'WorkerPage');

/** What one collection of artifacts did. */
export const Collection = Type.Object(
  {
    kept: Type.Integer({ description: 'Artifacts that something refers to' }),
    waiting: Type.Integer({
      description: 'Artifacts that nothing refers to, and that somebody may be about to refer to',
    }),
    removed: Type.Integer({ description: 'Artifacts, and uploads that were broken off' }),
    removedBytes: Type.Integer(),
  },
  { ...closed, $id: 'Collection' },
);
export type Collection = Static<typeof Collection>;

/** Of the control plane itself. */
export const Health = Type.Object(
  {
    status: Type.String(),
    role: Type.Optional(
      Type.Union([Type.Literal('leader'), Type.Literal('follower')], {
        description:
          'Of the control planes on one database one leads: it supervises runs. All answer requests',
      }),
    ),
  },
  { ...closed, $id: 'Health' },
);
