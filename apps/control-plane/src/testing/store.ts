/** The real stores on a database of their own, and rows to begin with. */
import { presets } from '@triptych/models/catalog';
import type { Dataset, ReadyDataset, ResolvedRunSpec, Run, Score, StepMetric } from '@triptych/protocol';
import { type ArtifactStore, type CollectableStore, memoryStore, putFiles } from '@triptych/storage';
import { resolveRunSpec } from '@triptych/training/catalog';
import { ArtifactHolds } from '../store/artifact-holds.ts';
import { AuditLog } from '../store/audit-log.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { type DatasetFacts, DatasetStore } from '../store/dataset-store.ts';
import { migrate } from '../store/migrator.ts';
import { describeModel } from '../store/model-description.ts';
import { ModelStore } from '../store/model-store.ts';
import { PrismaRunStore } from '../store/prisma-run-store.ts';
import { PrismaWorkerStore } from '../store/prisma-worker-store.ts';
import { RecordDeletion } from '../store/record-deletion.ts';
import { RunHistory } from '../store/run-history.ts';
import { RunNotifier } from '../store/run-notifier.ts';
import type { RunObserver } from '../store/run-observer.ts';
import type { RunStore, Tenure } from '../store/run-store.ts';
import { RunSubmission } from '../store/run-submission.ts';
import { TokenStore } from '../store/token-store.ts';
import { anyNumerics } from './numerics.ts';
import { createTestDatabase } from './postgres.ts';

export interface TestStores {
  readonly url: string;
  readonly database: Database;
  readonly artifacts: CollectableStore;
  readonly notifier: RunNotifier;
  readonly runs: RunStore;
  readonly history: RunHistory;
  readonly submission: RunSubmission;
  readonly datasets: DatasetStore;
  readonly models: ModelStore;
  readonly workers: PrismaWorkerStore;
  readonly deletion: RecordDeletion;
  readonly tokens: TokenStore;
  readonly audit: AuditLog;
  readonly holds: ArtifactHolds;
  close(): Promise<void>;
}

export async function openTestStores(options: { observer?: RunObserver } = {}): Promise<TestStores> {
  const server = await createTestDatabase();
  await migrate({ databaseUrl: server.url });
  const database = openDatabase({ url: server.url });
  const notifier = new RunNotifier();
  const artifacts = memoryStore();
  return {
    url: server.url,
    database,
    artifacts,
    notifier,
    runs: new PrismaRunStore({
      database,
      notifier,
      describeModel: (artifact) => describeModel(artifacts, artifact),
      ...options,
    }),
    history: new RunHistory(database),
    submission: new RunSubmission(database),
    datasets: new DatasetStore(database),
    models: new ModelStore(database),
    workers: new PrismaWorkerStore(database),
    deletion: new RecordDeletion(database),
    tokens: new TokenStore(database),
    audit: new AuditLog(database),
    holds: new ArtifactHolds(server.url),
    close: async () => {
      await database.close();
      await server.close();
    },
  };
}

export const anyHash = (digit: string): string => digit.repeat(64);

const captionsOnly = (samples: number) => ({
  samples,
  contents: { captions: samples, interleaved: 0, question: 0, conversation: 0 },
});

/** READY, without a folder that was read. */
export async function insertDataset(
  { datasets }: Pick<TestStores, 'datasets'>,
  { name, path, ...facts }: DatasetFacts & { readonly name: string; readonly path: string },
): Promise<ReadyDataset> {
  const { id } = await datasets.begin({ name, path });
  await datasets.ready(id, facts);
  return (await datasets.get(id)) as ReadyDataset;
}

export const addDataset = (stores: TestStores, name = 'scenes'): Promise<ReadyDataset> =>
  insertDataset(stores, {
    name,
    format: 'scenes',
    path: '/data/scenes',
    manifest: anyHash('d'),
    bytes: 5_000_000_000,
    splits: [
      { split: 'train', images: 100, captions: 300, classes: 7, ...captionsOnly(100) },
      { split: 'test', images: 20, captions: 60, classes: 7, ...captionsOnly(20) },
    ],
    classNames: ['circle', 'square'],
    problems: [],
  });

export function specOf(fields: Partial<ResolvedRunSpec> = {}): ResolvedRunSpec {
  const { architecture, config: modelConfig } = presets.get('clip-tiny')!;
  const spec = { model: 'clip-tiny', dataset: 'scenes' };
  return {
    ...resolveRunSpec(spec, { architecture, modelConfig, dataset: { trainSamples: 100 } }),
    ...fields,
  };
}

export async function addRun(
  stores: TestStores,
  options: { dataset: Dataset; spec?: Partial<ResolvedRunSpec> },
): Promise<Run> {
  const spec = specOf(options.spec);
  return (
    await stores.submission.insert({
      spec,
      architecture: 'clip',
      datasetId: options.dataset.id,
      totalSteps: 12,
    })
  ).run;
}

export const addWorker = (stores: TestStores, id: string, leaseExpiresAt = new Date(Date.now() + 60_000)) =>
  stores.workers.register({
    id,
    address: `10.0.0.1:${id.length}000`,
    pool: 'default',
    backend: 'wasm',
    device: 'cpu',
    threads: 1,
    memoryBytes: 8_000_000_000,
    version: '0.1.0',
    numerics: anyNumerics(),
    leaseExpiresAt,
  });

/** A final score of the tasks' first metric. */
export const topScore: Score = {
  ...{ task: 'zero-shot', metric: 'top1', value: 0.9, stage: 'final', split: 'test' },
  ...{ step: 12, unit: 'ratio', samples: 20, chance: 0.14 },
};

/** The run as whoever supervises it from now on owns it. */
export async function ownedRun({ runs }: TestStores, runId: string): Promise<Tenure> {
  const tenure = await runs.acquire(runId);
  if (!tenure) throw new Error(`run ${runId} is over`);
  return tenure;
}

export const placed = (...workerIds: string[]) =>
  workerIds.map((workerId, rank) => ({ rank, workerId, address: `10.0.0.1:${9000 + rank}` }));

export const metricOf = (step: number, fields: Partial<StepMetric> = {}): StepMetric => ({
  step,
  loss: 3 / step,
  learningRate: 0.001,
  gradientNorm: 1,
  samplesPerSecond: 100,
  phaseSeconds: { data: 0.01, forwardBackward: 0.1, allReduce: 0.02, optimizer: 0.005 },
  at: '2030-01-01T00:00:00.000Z',
  ...fields,
});

export const progressOf = (step: number) => ({
  step,
  totalSteps: 12,
  epoch: step / 6,
  ratio: step / 12,
  samplesProcessed: step * 16,
  loss: 3 / step,
});

/** A model in Hugging Face layout without weights worth the name. */
export const putModel = (artifacts: ArtifactStore) =>
  putFiles(artifacts, [
    { path: 'config.json', content: Buffer.from(JSON.stringify(presets.get('clip-tiny')!.config)) },
    { path: 'model.safetensors', content: Buffer.from('weights') },
  ]);
