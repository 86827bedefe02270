/** One rank's run: the loaded data and model, and the things it can do with them. In which order is `train`'s business. */
import { shardRange } from '@triptych/collective';
import { type BatchPlan, batchPlan, ClipTokenizer, type Dataset, openDataset } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import { putFiles, streamOf } from '@triptych/storage';
import { recomputes } from '../catalog/activation-budget.ts';
import { totalSteps } from '../catalog/steps.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../checkpoint/checkpoint.ts';
import { SampleLedger } from '../checkpoint/sample-ledger.ts';
import { specHash } from '../checkpoint/spec-hash.ts';
import { Embedder } from '../evaluation/embedder.ts';
import { evaluate, type TaskScore } from '../evaluation/evaluate.ts';
import type { StepReport } from '../events.ts';
import { assertSameOnAllRanks } from '../loading/agreement.ts';
import { BatchLoader } from '../loading/batch-loader.ts';
import { ImageReader } from '../loading/image-reader.ts';
import { type StartingPoint, startingPoint } from '../loading/starting-point.ts';
import { modelCard } from '../publishing/model-card.ts';
import { modelFiles, WEIGHTS_FILE } from '../publishing/model-files.ts';
import { learningRateAt } from '../schedule.ts';
import { ClipTrainer } from '../step/clip-trainer.ts';
import type { TrainOptions } from './train-options.ts';

export class TrainingRun implements Disposable {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly #options: TrainOptions;
  readonly #dataset: Dataset;
  readonly #start: StartingPoint;
  readonly #plan: BatchPlan;
  readonly #loader: BatchLoader;
  readonly #trainer: ClipTrainer;
  readonly #embedder: Embedder;
  readonly #ledger: SampleLedger;
  #step: number;

  private constructor(
    options: TrainOptions,
    loaded: { dataset: Dataset; start: StartingPoint; checkpoint: Checkpoint | undefined },
  ) {
    const { spec, group, signal } = options;
    const { dataset, start, checkpoint } = loaded;
    const { config, tokenizer, transform } = start;
    const indices = dataset.indices('train');
    const range = shardRange(group.rank, group.worldSize, spec.batch.shards);
    this.#options = options;
    this.#dataset = dataset;
    this.#start = start;
    this.#plan = batchPlan({
      indices,
      seed: spec.seed,
      globalBatch: spec.batch.global,
      shards: spec.batch.shards,
    });
    this.totalSteps = totalSteps(spec, indices.length);
    this.stepsPerEpoch = this.#plan.stepsPerEpoch;
    const images = new ImageReader(dataset, { transform, config });
    const contextLength = config.text_config.max_position_embeddings;
    this.#loader = new BatchLoader({ dataset, plan: this.#plan, images, tokenizer, contextLength, range });
    const samples = (range.end - range.start) * (spec.batch.global / spec.batch.shards);
    const { memory } = spec;
    this.#trainer = new ClipTrainer({
      config,
      weights: start.weights,
      objective: spec.objective,
      optimizer: spec.optimizer,
      group,
      shards: spec.batch.shards,
      range,
      memory,
      resumeFrom: checkpoint,
      recompute: recomputes(config, { samples, memory }, options.activationBudgetBytes),
    });
    this.#embedder = new Embedder({ clip: this.#trainer.clip, images, tokenizer, group, signal });
    this.#ledger = new SampleLedger(checkpoint?.ledger);
    this.#step = checkpoint?.step ?? 0;
  }

  /**
   * Loads everything and compares it with the other ranks.
   * @throws TriptychError DATASET_INVALID, MODEL_INVALID, ILLEGAL_STATE (a checkpoint of another run), NOT_FOUND,
   * ARTIFACT_CORRUPT, INTERNAL (the ranks differ).
   */
  static async open(options: TrainOptions): Promise<TrainingRun> {
    const { spec, store, group, signal } = options;
    const dataset = await openDataset(store, options.datasetManifest);
    signal.throwIfAborted();
    const images = dataset.indices('train').length;
    if (images < spec.batch.global)
      throw new TriptychError(
        'DATASET_INVALID',
        `The train split has ${images} images, batch.global is ${spec.batch.global}; use a smaller batch`,
      );
    const checkpoint = await openCheckpoint(options);
    signal.throwIfAborted();
    const start = checkpoint ? resumed(checkpoint) : await startingPoint({ ...options, dataset });
    signal.throwIfAborted();
    await assertSameOnAllRanks(group, {
      specification: specHash(spec, options),
      weights: start.weights,
      'optimizer state': checkpoint?.secondMoment ?? '',
      tokenizer: JSON.stringify(start.tokenizer.files()),
      transform: JSON.stringify(start.transform),
    });
    return new TrainingRun(options, { dataset, start, checkpoint });
  }

  /** Steps taken. */
  get step(): number {
    return this.#step;
  }

  /** One step of all ranks together, committed when this resolves. */
  async takeStep(): Promise<StepReport> {
    const { spec, signal } = this.#options;
    const step = this.#step;
    const { totalSteps, stepsPerEpoch } = this;
    const began = performance.now();
    const batches = await this.#loader.load(step);
    signal.throwIfAborted();
    const dataSeconds = (performance.now() - began) / 1000;
    const peak = spec.optimizer.learningRate;
    const learningRate = learningRateAt(step, { schedule: spec.schedule, peak, totalSteps });
    const result = await this.#trainer.step(batches, {
      step,
      learningRate,
      signal,
      samplesOf: (shard) => this.#loader.samplesOf(step, shard),
      onReduce: () => {
        if (step + 1 < totalSteps) this.#loader.prefetch(step + 1);
      },
    });
    const shards = Array.from(
      { length: spec.batch.shards },
      (_, shard) => this.#plan.shard(step, shard).indices,
    );
    this.#ledger.record(shards);
    this.#step = step + 1;
    const seconds = (performance.now() - began) / 1000;
    const globalBatch = spec.batch.global;
    return {
      result,
      step: this.#step,
      totalSteps,
      stepsPerEpoch,
      globalBatch,
      learningRate,
      dataSeconds,
      seconds,
    };
  }

  /** All scores of the split, on every rank. */
  async evaluate(): Promise<TaskScore[]> {
    const { config } = this.#start;
    const { evaluation } = this.#options.spec;
    return await evaluate({ dataset: this.#dataset, evaluation, config, embedder: this.#embedder });
  }

  /** Stores the state between two steps. */
  async saveCheckpoint(): Promise<{ sha256: string; bytes: number }> {
    const { spec, store } = this.#options;
    const { config, transform, tokenizer, weights } = this.#start;
    const { firstMoment, secondMoment } = this.#trainer.optimizer;
    const state: Checkpoint = {
      step: this.#step,
      specHash: specHash(spec, this.#options),
      ledger: this.#ledger.state,
      config,
      transform,
      tokenizerFiles: tokenizer.files(),
      weights,
      firstMoment,
      secondMoment,
    };
    return await store.put(streamOf(() => encodeCheckpoint(state)));
  }

  /** Stores the model as it is now. The hashes are those of its file list and of its weights. */
  async publish(
    scores: readonly TaskScore[],
  ): Promise<{ artifact: string; weightsSha256: string; weightsBytes: number }> {
    const { spec, store, datasetManifest } = this.#options;
    const { config } = this.#start;
    const card = modelCard({
      spec,
      config,
      datasetManifest,
      scores,
      ledger: this.#ledger.state,
      steps: this.#step,
    });
    const { sha256, files } = await putFiles(store, modelFiles({ ...this.#start, card }));
    const weights = files.find(({ path }) => path === WEIGHTS_FILE)!;
    return { artifact: sha256, weightsSha256: weights.sha256, weightsBytes: weights.bytes };
  }

  /** Ranks that drifted apart must not publish. */
  async assertRanksAgree(): Promise<void> {
    await assertSameOnAllRanks(this.#options.group, { 'trained weights': this.#start.weights });
  }

  [Symbol.dispose](): void {
    this.#trainer[Symbol.dispose]();
  }
}

async function openCheckpoint(options: TrainOptions): Promise<Checkpoint | undefined> {
  if (!options.checkpoint) return undefined;
  const checkpoint = decodeCheckpoint(await options.store.get(options.checkpoint));
  if (checkpoint.specHash !== specHash(options.spec, options))
    throw new TriptychError(
      'ILLEGAL_STATE',
      `Checkpoint ${options.checkpoint} belongs to a run with another model, dataset or training settings`,
    );
  return checkpoint;
}

function resumed({ config, weights, transform, tokenizerFiles }: Checkpoint): StartingPoint {
  const tokenizer = ClipTokenizer.fromFiles({
    'vocab.json': tokenizerFiles['vocab.json'] ?? '',
    'merges.txt': tokenizerFiles['merges.txt'] ?? '',
  });
  return { config, weights, transform, tokenizer };
}
