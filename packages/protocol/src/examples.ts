/** Examples of what is sent and answered, by the `$id` of its schema: what the documentation of the API shows, and tests send. */
import type { Static, TSchema } from 'typebox';
import {
  ApiToken,
  ApiTokenPage,
  AuditPage,
  CreatedToken,
  CreateToken,
  Login,
  LoginCode,
  Me,
} from './access.ts';
import {
  Collection,
  Dataset,
  DatasetList,
  DatasetPage,
  Health,
  ImportModel,
  InterpolateModels,
  Model,
  ModelPage,
  RegisterDataset,
  type Worker,
  WorkerPage,
} from './catalog-resources.ts';
import { Prediction, PredictionRequest } from './predictions.ts';
import { RunComparison } from './run-comparison.ts';
import { type ResolvedRunSpec, RunSpec } from './run-spec.ts';
import {
  CheckpointList,
  PredictionList,
  Run,
  RunEventPage,
  RunPage,
  RunPlan,
  ScoreList,
  StepMetricPage,
} from './runs.ts';
import { Problem } from './vocabulary.ts';

export interface Examples {
  readonly schema: TSchema;
  /** By a name that tells them apart. */
  readonly values: Readonly<Record<string, unknown>>;
}

const sha256 = '52c67506a147facf8c00480627d87c2fe8d0d93157a1f4f8df6f6d48b4adadd6';
const runId = 'run_01m84qr3505tgg7wxkf0grfxwf';
const datasetId = 'dataset_01m84qq8q0f5a4cr2vqjwq9d5k';
const modelId = 'model_01m84qtjz8cgb3m0q3y8k5k7nw';
const tokenId = 'token_01m84qp2f6q8r0c5t1n9v3x7zd';
// Of the form of one, with a checksum that is none.
const secret = 'trip_0000000000000000000000000000000000000000000example';
const workerId = 'worker_01m84qpt6hf2x2r5d1k0m8w3ae';

const token: ApiToken = {
  ...{ id: tokenId, name: 'ci', scope: 'submit' },
  ...{ createdAt: '2030-01-01T08:00:00.000Z', createdBy: 'admin', lastUsedAt: '2030-01-01T09:00:00.000Z' },
};

const resolved: ResolvedRunSpec = {
  name: 'scenes-1',
  model: 'clip-small',
  method: 'full',
  dataset: 'scenes',
  inputs: {},
  seed: 0,
  objective: { kind: 'info-nce' },
  duration: { steps: 333 },
  batch: { global: 64, shards: 4 },
  memory: 'keep',
  optimizer: {
    ...{ kind: 'adamw', learningRate: 0.001, weightDecay: 0.1, clipNorm: 1 },
    ...{ beta1: 0.9, beta2: 0.98, epsilon: 1e-6 },
  },
  schedule: { kind: 'cosine', warmupSteps: 20 },
  checkpoint: { everySteps: 100 },
  evaluation: { tasks: ['zero-shot', 'retrieval'], split: 'test', baseline: true },
  workers: { min: 1, max: 2, pool: 'default' },
  priority: 50,
};

const score: Static<typeof ScoreList>['items'][number] = {
  ...{ task: 'zero-shot', metric: 'accuracy@1', value: 0.953, stage: 'final', split: 'test' },
  ...{ step: 333, samples: 300, unit: 'ratio', chance: 0.111 },
};

const run: Run = {
  id: runId,
  name: 'scenes-1',
  status: 'SUCCEEDED',
  reason: 'COMPLETED',
  message: 'Finished',
  attempt: 1,
  generation: 1,
  worldSize: 2,
  progress: { step: 333, totalSteps: 333, epoch: 8.88, ratio: 1, samplesProcessed: 21_312, loss: 0.7747 },
  scores: [score],
  architecture: 'clip',
  spec: resolved,
  datasetId,
  modelId,
  weights: { sha256, bytes: 6_553_600 },
  createdAt: '2026-01-15T17:37:51.000Z',
  startedAt: '2026-01-15T17:37:52.000Z',
  firstStepAt: '2026-01-15T17:37:58.000Z',
  finishedAt: '2026-01-15T17:39:08.000Z',
};

const dataset: Dataset = {
  id: datasetId,
  name: 'scenes',
  state: 'READY',
  format: 'scenes',
  path: '/data/scenes',
  manifest: sha256,
  bytes: 12_345_678,
  splits: [
    {
      ...{ split: 'train', samples: 2400, images: 2400, captions: 9600, classes: 9 },
      contents: { captions: 2400, interleaved: 0, question: 0, conversation: 0 },
    },
  ],
  classNames: ['circle', 'cross', 'heart'],
  problems: [{ kind: 'unreadable image', count: 1, examples: ['images/0042.png'] }],
  createdAt: '2026-01-15T17:37:40.000Z',
};

const unread = {
  ...{ id: datasetId, name: 'scenes', format: 'auto', path: '/data/scenes', bytes: 0 },
  ...{ splits: [], classNames: [], problems: [], createdAt: '2026-01-15T17:37:40.000Z' },
};

const model: Model = {
  id: modelId,
  name: 'scenes-1',
  kind: 'trained',
  architecture: 'clip',
  parameters: 1_638_401,
  description: 'Trained on scenes',
  config: { model_type: 'clip', projection_dim: 128 },
  weights: { sha256, bytes: 6_553_600 },
  files: [{ path: 'model.safetensors', sha256, bytes: 6_553_600 }],
  predictions: ['classify', 'match-captions', 'match-images'],
  runId,
  createdAt: '2026-01-15T17:39:08.000Z',
};

const worker: Worker = {
  ...{ id: workerId, address: '10.0.0.7:40123', pool: 'default', backend: 'wasm', device: 'cpu' },
  ...{ threads: 1, memoryBytes: 8_589_934_592, memoryUsedBytes: 612_368_384, eventLoopLagMs: 1.2 },
  ...{ version: '0.1.0', state: 'busy', runId, rank: 0 },
  registeredAt: '2026-01-15T17:30:00.000Z',
  leaseExpiresAt: '2026-01-15T17:39:20.000Z',
};

/** A transparent pixel. */
const picture =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

const of = <T extends TSchema, V = Static<T>>(
  schema: T,
  values: Readonly<Record<string, NoInfer<V>>>,
): Examples => ({ schema, values });
const one = <T extends TSchema>(schema: T, value: Static<T>): Examples => of(schema, { example: value });

export const examples: readonly Examples[] = [
  of(RunSpec, {
    'first run': { model: 'clip-tiny', dataset: 'scenes', duration: { steps: 20 } },
    'with a name, two to four workers and a checkpoint every 50 steps': {
      ...{ name: 'scenes-1', model: 'clip-small', dataset: 'scenes', duration: { epochs: 5 } },
      ...{ batch: { global: 64, shards: 4 }, checkpoint: { everySteps: 50 }, workers: { min: 2, max: 4 } },
    },
  }),
  one(Run, run),
  one(RunPage, { items: [run] }),
  one(RunComparison, {
    runs: [
      { id: runId, name: 'scenes-1', status: 'SUCCEEDED', step: 200, weightsSha256: sha256 },
      { id: `${runId}2`, name: 'scenes-2', status: 'SUCCEEDED', step: 400, weightsSha256: sha256 },
    ],
    data: { manifest: sha256, split: 'test' },
    scores: [
      { task: 'zero-shot', metric: 'accuracy@1', unit: 'ratio', chance: 0.111, values: [0.953, 0.961] },
    ],
    differences: [{ path: '/duration/steps', values: [200, 400] }],
  }),
  one(RunPlan, {
    spec: resolved,
    ...{ parameters: 1_638_401, trainedParameters: 1_638_401 },
    ...{ totalSteps: 333, stepsPerEpoch: 37, samples: 21_312 },
    ...{ memoryBytesPerWorker: 522_673_389, heapBytesPerWorker: 301_989_888 },
    ...{ worldSizes: [1, 2], workersReady: 2, queuePosition: 1, backend: 'wasm', warnings: [] },
    etaSeconds: 74,
  }),
  one(RunEventPage, {
    items: [
      {
        ...{ sequence: 1, runId, at: run.createdAt, type: 'state', status: 'QUEUED', reason: 'SUBMITTED' },
        ...{ message: 'Waiting in the queue', data: {} },
      },
    ],
    nextSequence: 1,
  }),
  one(StepMetricPage, {
    items: [
      {
        ...{ step: 1, loss: 4.1589, learningRate: 0.00005, gradientNorm: 2.31, samplesPerSecond: 289.4 },
        phaseSeconds: { data: 0.01, forwardBackward: 0.19, allReduce: 0.01, optimizer: 0.01 },
        at: '2026-01-15T17:37:58.000Z',
      },
    ],
    nextStep: 1,
  }),
  one(ScoreList, { items: [score] }),
  one(CheckpointList, {
    items: [{ step: 300, sha256, bytes: 19_660_812, at: '2026-01-15T17:39:01.000Z' }],
  }),
  one(PredictionList, {
    items: [
      {
        ...{ task: 'answers', stage: 'final', split: 'test', step: 333, count: 300 },
        predictions: [{ id: '17', prompt: 'What color is the circle?', prediction: 'red', truth: ['red'] }],
      },
    ],
  }),
  one(RegisterDataset, { name: 'scenes', path: '/data/scenes' }),
  of<typeof Dataset, Dataset>(Dataset, {
    'ready to train on': dataset,
    'while its folder is read': {
      ...unread,
      state: 'VALIDATING',
      progress: { phase: 'check', done: 1250, total: 3000 },
    },
    'of no use': {
      ...unread,
      state: 'INVALID',
      failure: { code: 'DATASET_INVALID', message: '"/data/scenes" holds no usable sample' },
    },
  }),
  one(DatasetPage, { items: [dataset] }),
  one(DatasetList, { items: [{ ...dataset, deletedAt: '2026-02-01T09:00:00.000Z' }] }),
  of(ImportModel, {
    'a folder in Hugging Face layout': { name: 'my-clip', path: '/data/my-clip' },
    'an adapter of PEFT': { name: 'my-llava-birds', path: '/data/adapter', base: 'my-llava' },
  }),
  one(InterpolateModels, { name: 'halfway', base: 'my-clip', trained: 'scenes-1', alpha: 0.5 }),
  one(Model, model),
  one(ModelPage, { items: [model] }),
  of<typeof PredictionRequest, PredictionRequest>(PredictionRequest, {
    classify: { kind: 'classify', model: 'scenes-1', image: picture, labels: ['circle', 'cross'] },
    'match-captions': {
      ...{ kind: 'match-captions', model: 'scenes-1', image: picture },
      captions: ['a red circle', 'a blue cross'],
    },
    'match-images': {
      ...{ kind: 'match-images', model: 'scenes-1', text: 'a red circle', images: [picture, picture] },
    },
    caption: { kind: 'caption', model: 'my-llava', image: picture, limits: { maxNewTokens: 30 } },
    answer: {
      ...{ kind: 'answer', model: 'my-llava', images: [picture], question: 'What color is it?' },
      stream: true,
    },
    chat: {
      ...{ kind: 'chat', model: 'my-llava' },
      messages: [{ role: 'user', text: 'What do you see?', images: [picture] }],
    },
  }),
  of(Prediction, {
    ranking: {
      ...{ model: modelId, architecture: 'clip', workerId, seconds: 0.21 },
      ...{ kind: 'classify', measure: 'cosine' },
      ranking: [
        { index: 0, text: 'circle', score: 0.31, probability: 0.97 },
        { index: 1, text: 'cross', score: 0.27, probability: 0.03 },
      ],
    },
    text: {
      ...{ model: modelId, architecture: 'llava', workerId, seconds: 1.4 },
      ...{ kind: 'answer', text: 'red' },
    },
  }),
  one(WorkerPage, { items: [worker] }),
  one(Collection, { kept: 214, waiting: 3, removed: 40, removedBytes: 786_432_480 }),
  one(CreateToken, { name: 'ci', scope: 'submit', expiresAt: '2031-01-01T00:00:00.000Z' }),
  one(CreatedToken, { ...token, token: secret }),
  one(ApiToken, token),
  one(ApiTokenPage, { items: [token] }),
  one(Login, { token: secret }),
  one(LoginCode, { code: secret, expiresAt: '2030-01-01T12:00:00.000Z' }),
  one(Me, { name: 'ci', scope: 'submit', via: 'token', tokenId }),
  one(AuditPage, {
    items: [
      {
        ...{ id: 'audit_01m84qr3505tgg7wxkf0grfxwf', at: '2030-01-01T09:00:00.000Z' },
        ...{ actor: 'ci', tokenId, action: 'createRun', subject: runId },
        ...{ outcome: 'done', address: '10.0.0.7', count: 1 },
      },
    ],
  }),
  one(Health, { status: 'ready', role: 'leader' }),
  one(Problem, {
    type: '/docs/errors#INVALID_INPUT',
    title: 'The request has fields that cannot be accepted',
    status: 422,
    code: 'INVALID_INPUT',
    detail:
      'The body is not valid: /batch/global: expected a number >= 2, got 1; choose a number in that range',
    instance: '/v1/runs',
    violations: [
      {
        ...{ path: '/batch/global', expected: 'a number >= 2', actual: '1' },
        remedy: 'choose a number in that range',
      },
    ],
  }),
];
