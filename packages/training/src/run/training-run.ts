/** One rank's run: the loaded data and model, and the things it can do with them. In which order is `train`'s business. */
import { shardRange } from '@triptych/collective';
import { type MixturePlan, mixturePlan, randomStream } from '@triptych/datasets';
import { interpolated, type Model } from '@triptych/models';
import { type EvaluationPolicy, PROVENANCE_FILE } from '@triptych/protocol';
import { putContents, putFileList, streamOf } from '@triptych/storage';
import { recomputes } from '../catalog/activation-budget.ts';
import { totalSteps } from '../catalog/steps.ts';
import { LOSS } from '../catalog/validation.ts';
import { type Checkpoint, encodeCheckpoint } from '../checkpoint/checkpoint.ts';
import { SampleLedger } from '../checkpoint/sample-ledger.ts';
import { specHash } from '../checkpoint/spec-hash.ts';
import { type Evaluation, evaluate, type TaskScore } from '../evaluation/evaluate.ts';
import type { StepReport } from '../events.ts';
import { assertSameOnAllRanks } from '../loading/agreement.ts';
import { BatchLoader } from '../loading/batch-loader.ts';
import { Examples } from '../loading/examples.ts';
import { assertRanksComputeAlike } from '../numerics/numerics.ts';
import type { Objective } from '../objectives/objective.ts';
import { objectives } from '../objectives/registry.ts';
import { modelCard } from '../publishing/model-card.ts';
import { provenanceOf } from '../publishing/provenance.ts';
import { isWeightPath, weightsRecord } from '../publishing/weights-record.ts';
import { learningRateAt } from '../schedule.ts';
import { Trainer } from '../step/trainer.ts';
import { HeldOut } from './held-out.ts';
import { type LoadedRun, loadRun } from './load-run.ts';
import { ratesOf } from './rates.ts';
import type { TrainOptions } from './train-options.ts';
import { Validations } from './validations.ts';

export class TrainingRun implements Disposable {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly #options: TrainOptions;
  readonly #loaded: LoadedRun;
  readonly #model: Model;
  readonly #examples: readonly Examples[];
  readonly #plan: MixturePlan;
  readonly #loader: BatchLoader;
  readonly #trainer: Trainer;
  readonly #ledger: SampleLedger;
  readonly #heldOut: HeldOut | undefined;
  readonly #validations: Validations;
  #step: number;
  #bestStep: number | undefined;

  private constructor(options: TrainOptions, loaded: LoadedRun & { readonly objective: Objective }) {
    const { spec, group } = options;
    const { datasets, model, checkpoint, objective, start } = loaded;
    const { batch, memory } = spec;
    const range = shardRange(group.rank, group.worldSize, batch.shards);
    const samplesPerShard = batch.global / batch.shards;
    this.#options = options;
    this.#loaded = loaded;
    this.#model = model;
    const { processor } = model;
    this.#plan = planOf(loaded, spec);
    const samples = datasets.reduce((sum, dataset) => sum + dataset.indices('train').length, 0);
    this.totalSteps = totalSteps(spec, samples);
    this.stepsPerEpoch = this.#plan.stepsPerEpoch;
    const { transform } = processor;
    this.#examples = datasets.map(
      (dataset, position) => new Examples(dataset, { transform, position, of: datasets.length }),
    );
    this.#loader = new BatchLoader({
      examples: this.#examples,
      plan: this.#plan,
      processor,
      range,
      samplesPerShard,
      seed: spec.seed,
      crop: spec.augmentation,
    });
    const rates = ratesOf(model.trainableTensors, spec);
    const { kind, ...objectiveOptions } = spec.objective;
    this.#trainer = new Trainer({
      model,
      objective,
      objectiveOptions,
      scalars: objectives[kind]!.scalars,
      lossWeights: lossWeightsOf(spec),
      optimizer: { ...spec.optimizer, ratesOf: ({ key }) => rates.get(key) ?? {} },
      averaging: spec.averaging,
      group,
      shards: batch.shards,
      range,
      samplesPerShard,
      resumeFrom: checkpoint,
      recompute:
        objective.needsOutputs &&
        recomputes(
          start,
          { ...spec, memory, samples: (range.end - range.start) * samplesPerShard },
          options.activationBudgetBytes,
        ),
    });
    this.#ledger = new SampleLedger(checkpoint?.ledger);
    const weights = { trainable: model.trainable, average: this.#trainer.average };
    this.#validations = new Validations(spec, weights, checkpoint);
    const { validation } = spec;
    if (validation)
      this.#heldOut = new HeldOut({ examples: this.#examples[0]!, processor, validation, spec, range });
    this.#step = checkpoint?.step ?? 0;
  }

  /**
   * Loads everything and compares it with the other ranks.
   * @throws TriptychError DATASET_INVALID, MODEL_INVALID, ILLEGAL_STATE (a checkpoint of another run), NOT_FOUND,
   * ARTIFACT_CORRUPT, OTHER_NUMERICS (the ranks compute differently), INTERNAL (they loaded something different).
   */
  static async open(options: TrainOptions): Promise<TrainingRun> {
    const { spec, group, numerics } = options;
    if (numerics) await assertRanksComputeAlike(group, numerics);
    const objective = await objectives[spec.objective.kind]!.load();
    const loaded = await loadRun(options);
    const { model, checkpoint } = loaded;
    try {
      await assertSameOnAllRanks(group, {
        specification: specHash(spec, options),
        weights: model.trainable.flat,
        'frozen weights': model.frozenHash,
        'optimizer state': checkpoint?.secondMoment ?? '',
        'averaged weights': checkpoint?.average ?? '',
        'initial weights': loaded.initial ?? '',
        'tokenizer and preprocessing files': JSON.stringify(model.files),
        transform: JSON.stringify(model.processor.transform),
      });
      return new TrainingRun(options, { ...loaded, objective });
    } catch (error) {
      model[Symbol.dispose]();
      throw error;
    }
  }

  /** For people, before anything is trained: a text of each dataset, as a first step shows it, with what is learnt of it; none where all is. */
  previews(): string[] {
    const { seed } = this.#options.spec;
    return this.#examples.flatMap((examples, position) => {
      const sample = examples.dataset.indices('train')[0]!;
      const example = examples.at(sample, {
        choose: () => 0,
        stream: (...purpose) => randomStream(seed, 'sample', 0, position, sample, ...purpose),
      });
      const { text } = this.#model.processor.preview(example);
      return text === undefined ? [] : [`«Learnt» of sample ${example.id}: ${onOneLine(text)}`];
    });
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
    this.#ledger.record(this.#plan.batch(step), spec.batch.shards);
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

  get isValidationDue(): boolean {
    return this.#validations.isDue(this.#step, this.totalSteps);
  }

  /** Whether the run ends before its last step, because nothing becomes better. */
  get isStalled(): boolean {
    return this.#validations.isStalled;
  }

  /** Of the weights that would be published now, on every rank; remembered, and so are the weights where they are the best so far. */
  async validate(): Promise<TaskScore[]> {
    const { spec, signal } = this.#options;
    const [heldOut, validation] = [this.#heldOut!, spec.validation!];
    const scores: TaskScore[] = [];
    {
      using _ = this.#weightsAt(spec.interpolation);
      const value = await heldOut.loss(this.#trainer, signal);
      const { kind } = spec.objective;
      scores.push({ task: kind, metric: LOSS, value, unit: 'number', samples: heldOut.samples });
      if (validation.tasks.length > 0) scores.push(...(await this.#evaluate(validation)).scores);
    }
    const named = scores.map(
      ({ task, metric, value }, i) => [i === 0 ? LOSS : `${task}/${metric}`, value] as const,
    );
    this.#validations.record({ step: this.#step, values: Object.fromEntries(named) });
    return scores;
  }

  /** The weights that did best in validation, where those are wanted. @returns the step that they are of. */
  takeBest(): number | undefined {
    this.#bestStep = this.#validations.takeBest();
    return this.#bestStep;
  }

  /** All scores of the split, on every rank, of the weights that would be published now. */
  async evaluate(): Promise<Evaluation> {
    using _ = this.#weightsAt(this.#options.spec.interpolation);
    return await this.#evaluate();
  }

  /** Those of the weights so far on the way from the first ones, at 0, to these, at 1 (WiSE-FT). */
  async evaluateAt(alpha: number): Promise<TaskScore[]> {
    using _ = this.#weightsAt(alpha);
    const { scores } = await this.#evaluate();
    return scores.map((score) => ({ ...score, metric: `${score.metric} at ${alpha}` }));
  }

  /** Stores the state between two steps. STORAGE_FULL where there is no room. */
  async saveCheckpoint(): Promise<{ sha256: string; bytes: number }> {
    const { spec, store, checkpointStore = store } = this.#options;
    const { architecture, config } = this.#loaded.start;
    const { firstMoment, secondMoment } = this.#trainer.optimizer;
    const state: Checkpoint = {
      step: this.#step,
      specHash: specHash(spec, this.#options),
      ledger: this.#ledger.state,
      architecture: architecture.name,
      config,
      files: this.#model.files,
      frozenHash: this.#model.frozenHash,
      weights: this.#model.trainable.flat,
      firstMoment,
      secondMoment,
      ...(this.#trainer.average && { average: this.#trainer.average.vector }),
      ...this.#validations.state,
    };
    return await checkpointStore.put(streamOf(() => encodeCheckpoint(state)));
  }

  /** Stores the model as it is now: averaged, interpolated, where the run says so. The hashes are those of its file list and of its weights. */
  async publish(
    evaluation: Evaluation,
  ): Promise<{ artifact: string; weightsSha256: string; weightsBytes: number }> {
    const { spec, store } = this.#options;
    using _ = this.#weightsAt(spec.interpolation);
    const files = await putContents(
      store,
      this.#model.export().map(({ path, content }) => ({
        path,
        content: content instanceof Uint8Array ? content : streamOf(content),
      })),
    );
    const paths = files.map(({ path }) => path).filter(isWeightPath);
    const weights = weightsRecord(files, paths);
    const { start } = this.#loaded;
    const provenance = provenanceOf({
      ...this.#options,
      ...{ architecture: start.architecture.name, ledger: this.#ledger.state, steps: this.#step },
      weightsStep: this.#bestStep,
    });
    const { scores } = evaluation;
    const texts = {
      'README.md': modelCard({ ...start, spec, provenance, weights, scores }),
      [PROVENANCE_FILE]: `${JSON.stringify(provenance, null, 2)}\n`,
    };
    const told = await putContents(
      store,
      Object.entries(texts).map(([path, text]) => ({ path, content: new TextEncoder().encode(text) })),
    );
    const { sha256 } = await putFileList(store, [...files, ...told]);
    return { artifact: sha256, weightsSha256: weights.sha256, weightsBytes: weights.bytes };
  }

  /** The model has the averaged weights, or those so far from the first ones to these, until the result is disposed. */
  #weightsAt(alpha: number | undefined): Disposable {
    const { trainable } = this.#model;
    const averaged = this.#trainer.average?.swappedIn(trainable);
    const back = () => averaged?.[Symbol.dispose]();
    if (alpha === undefined) return { [Symbol.dispose]: back };
    const trained = trainable.flat.slice();
    const set = (weights: Float32Array) => {
      trainable.flat.set(weights);
      trainable.upload();
    };
    set(interpolated(alpha, this.#loaded.initial!, trained));
    return {
      [Symbol.dispose]() {
        set(trained);
        back();
      },
    };
  }

  async #evaluate(
    at: Omit<EvaluationPolicy, 'baseline'> = this.#options.spec.evaluation,
  ): Promise<Evaluation> {
    const { spec, group, signal } = this.#options;
    return await evaluate({
      ...{ examples: this.#examples[0]!, model: this.#model, group, signal },
      spec: { seed: spec.seed, evaluation: at },
    });
  }

  /** Ranks that drifted apart must not publish. */
  async assertRanksAgree(): Promise<void> {
    await assertSameOnAllRanks(this.#options.group, {
      'trained weights': this.#model.trainable.flat,
      'averaged weights': this.#trainer.average?.vector ?? '',
    });
  }

  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }
}

const PREVIEW_CHARACTERS = 500;

function onOneLine(text: string): string {
  const line = text.replaceAll('\n', '\\n');
  return line.length > PREVIEW_CHARACTERS ? `${line.slice(0, PREVIEW_CHARACTERS)}...` : line;
}

function planOf({ datasets, model }: LoadedRun, spec: TrainOptions['spec']): MixturePlan {
  const { batch, seed } = spec;
  return mixturePlan({
    datasets: datasets.map((dataset, i) => {
      const samples = dataset.indices('train');
      return {
        samples,
        weight: spec.datasets?.[i]?.weight ?? 1,
        lengths: batch.byLength ? lengthsOf(dataset, { samples, model }) : undefined,
      };
    }),
    globalBatch: batch.global,
    seed,
  });
}

/** Negative without images. */
function lengthsOf(
  { manifest }: LoadedRun['datasets'][number],
  { samples, model }: { samples: Int32Array; model: Model },
): Int32Array {
  return samples.map((index) => {
    const { id, content, images } = manifest.samples[index]!;
    const length = model.processor.lengthOf({ id, content, images: images.length });
    return images.length > 0 ? length : -length;
  });
}

/** All pairs of a contrastive batch are one loss. */
const lossWeightsOf = ({ datasets, objective }: TrainOptions['spec']): number[] =>
  objectives[objective.kind]!.outputs === 'features'
    ? [1]
    : (datasets ?? [{ lossWeight: 1 }]).map((one) => one.lossWeight);
