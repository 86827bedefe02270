/**
 * One optimizer step of CLIP on one rank: forward passes of its shards, exact contrastive gradient over the global batch,
 * backward passes, fixed-order all-reduce, clipping, AdamW. Which samples a batch holds is not its business.
 */
import { type ProcessGroup, type Range, ShardAccumulator, sharedVector } from '@triptych/collective';
import { Clip, type ClipConfig, clipLayout, weightsOf } from '@triptych/models';
import {
  AdamW,
  type AdamWMoments,
  type AdamWOptions,
  clipByGlobalNorm,
  drainInto,
  Parameters,
  type Recording,
  record,
  tf,
} from '@triptych/nn';
import type { ActivationMemory, Objective } from '@triptych/protocol';
import { Contrast, type ShardContrast } from '../objectives/contrast.ts';
import { objectives } from '../objectives/objective.ts';
import { assertFiniteFeatures, assertFiniteLoss } from './finite.ts';
import { PhaseClock, type PhaseSeconds } from './phase-clock.ts';
import type { ShardBatch } from './shard-batch.ts';
import { gatherFeatures, type ShardFeatures } from './shard-features.ts';

/** exp(t) stays within 1 and 100, as in CLIP. */
const MAX_LOGIT_SCALE = Math.log(100);

export interface ClipTrainerOptions {
  readonly config: ClipConfig;
  /** Adopted: the trainer changes it in place. */
  readonly weights: Float32Array;
  readonly objective: Objective;
  readonly optimizer: AdamWOptions & { readonly clipNorm: number };
  readonly group: ProcessGroup;
  /** Of the global batch: how many there are, and which are this rank's. */
  readonly shards: number;
  readonly range: Range;
  /** Where the optimizer was when `weights` were taken; its vectors are adopted. Absent: it begins. */
  readonly resumeFrom?: (AdamWMoments & { readonly step: number }) | undefined;
  /** What a recorded forward pass holds; `keep` where absent. The numbers are the same. */
  readonly memory?: ActivationMemory;
  /** True: forward passes run twice and only one shard's activations are held at a time. The numbers are the same. */
  readonly recompute: boolean;
}

export interface StepOptions {
  readonly step: number;
  readonly learningRate: number;
  readonly signal: AbortSignal;
  /** The names of a shard's samples, for the error message where the numbers explode. */
  readonly samplesOf: (shard: number) => readonly string[];
  /** Called when only the network is busy: the time to prepare the next batch. */
  readonly onReduce?: () => void;
}

export interface StepResult {
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly seconds: PhaseSeconds;
  readonly bytesSent: number;
}

export class ClipTrainer implements Disposable {
  readonly parameters: Parameters;
  readonly optimizer: AdamW;
  readonly clip: Clip;
  readonly #options: ClipTrainerOptions;
  readonly #sums: ShardAccumulator;
  /**
   * The gradient of one shard, and after it its loss, so that both are summed in one all-reduce; once all shards were
   * added, the sum over all of them.
   */
  readonly #gradientAndLoss: Float32Array;
  readonly #logitScaleAt: number;
  readonly #logitBiasAt: number | undefined;

  constructor(options: ClipTrainerOptions) {
    const { config, weights, shards, range, memory = 'keep' } = options;
    const layout = clipLayout(config);
    this.#options = options;
    this.parameters = new Parameters(layout, weights);
    this.optimizer = new AdamW(layout, options.optimizer, options.resumeFrom);
    this.optimizer.stepCount = options.resumeFrom?.step ?? 0;
    this.clip = new Clip(config, weightsOf(this.parameters), { memory });
    const length = layout.length + 1;
    this.#sums = new ShardAccumulator({ shards, ...range, length });
    this.#gradientAndLoss = sharedVector(length);
    this.#logitScaleAt = layout.spec('logit_scale').offset;
    if (config.logit_bias_init_value !== undefined) this.#logitBiasAt = layout.spec('logit_bias').offset;
  }

  /**
   * Takes one step on this rank's shards of the global batch; every rank must call it with the same step.
   * @throws TriptychError LOSS_NOT_FINITE on every rank alike; the abort reason; what the group rejects with.
   */
  async step(batches: readonly ShardBatch[], options: StepOptions): Promise<StepResult> {
    const { group, optimizer } = this.#options;
    const clock = new PhaseClock();
    const bytesBefore = group.traffic.bytesSent;
    const kept: Recording[] = [];
    try {
      const local: ShardFeatures[] = [];
      for (const batch of batches) {
        if (this.#options.recompute) {
          local.push(await this.#features(batch));
        } else {
          const recording = this.#record(batch);
          kept.push(recording);
          local.push(await featuresOf(recording.outputs));
        }
        options.signal.throwIfAborted();
      }
      clock.enter('allReduce');
      const features = await gatherFeatures(group, local);
      options.signal.throwIfAborted();
      clock.enter('forwardBackward');
      assertFiniteFeatures(features, { ...options, shards: this.#options.shards });
      await this.#backward({ batches, kept, features, signal: options.signal });
    } finally {
      for (const recording of kept) recording.dispose();
    }
    clock.enter('allReduce');
    const reduced = group.allReduceShards(this.#sums, this.#gradientAndLoss);
    options.onReduce?.();
    await reduced;
    options.signal.throwIfAborted();
    clock.enter('optimizer');
    const gradient = this.#gradientAndLoss.subarray(0, -1);
    const loss = this.#gradientAndLoss.at(-1)!;
    const gradientNorm = clipByGlobalNorm(gradient, optimizer.clipNorm);
    assertFiniteLoss({ loss, gradientNorm, step: options.step });
    this.#update(gradient, options.learningRate);
    return { loss, gradientNorm, seconds: clock.stop(), bytesSent: group.traffic.bytesSent - bytesBefore };
  }

  [Symbol.dispose](): void {
    this.parameters.dispose();
  }

  #record(batch: ShardBatch): Recording {
    return record(this.parameters.tensors(), () => this.#forward(batch));
  }

  /** Of a shard whose recording is made later. */
  async #features(batch: ShardBatch): Promise<ShardFeatures> {
    const outputs = this.#forward(batch);
    try {
      return await featuresOf(outputs);
    } finally {
      tf.dispose(outputs);
    }
  }

  #forward({ samples, patches, ids }: ShardBatch): tf.Tensor[] {
    const { image_size, patch_size } = this.#options.config.vision_config;
    const shape: [number, number, number] = [samples, (image_size / patch_size) ** 2, 3 * patch_size ** 2];
    // A recording keeps references of its own to what its backward pass needs.
    return tf.tidy(() => {
      const images = tf.tidy(() => this.clip.encodeImages(tf.tensor3d(patches, shape)));
      return [images, this.clip.encodeText(ids, samples)];
    });
  }

  async #backward(pass: {
    readonly batches: readonly ShardBatch[];
    readonly kept: readonly Recording[];
    readonly features: ShardFeatures;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const { config, objective, range, shards, recompute } = this.#options;
    const width = config.projection_dim;
    const rows = pass.features.images.length / width / shards;
    const { flat } = this.parameters;
    using contrast = await Contrast.of(
      {
        ...pass.features,
        width,
        logitScale: flat[this.#logitScaleAt]!,
        logitBias: this.#logitBiasAt === undefined ? 0 : flat[this.#logitBiasAt]!,
      },
      objectives[objective.kind].pairLoss,
    );
    this.#sums.reset();
    for (const [i, batch] of pass.batches.entries()) {
      const shard = range.start + i;
      const part = contrast.shard(shard * rows, (shard + 1) * rows);
      try {
        using recording = recompute ? this.#record(batch) : pass.kept[i]!;
        await this.#gradientsOf(recording, part);
      } finally {
        tf.dispose([part.images, part.texts]);
      }
      this.#sums.add(shard, this.#gradientAndLoss);
      pass.signal.throwIfAborted();
    }
  }

  async #gradientsOf(recording: Recording, part: ShardContrast): Promise<void> {
    const { layout } = this.parameters;
    const gradients = recording.drain([part.images, part.texts]);
    await drainInto(gradients, layout, this.#gradientAndLoss.subarray(0, layout.length));
    this.#gradientAndLoss[this.#logitScaleAt] = part.logitScale;
    if (this.#logitBiasAt !== undefined) this.#gradientAndLoss[this.#logitBiasAt] = part.logitBias;
    this.#gradientAndLoss[layout.length] = part.loss;
  }

  #update(gradient: Float32Array, learningRate: number): void {
    const { flat } = this.parameters;
    this.optimizer.step(flat, gradient, learningRate);
    const at = this.#logitScaleAt;
    flat[at] = Math.min(MAX_LOGIT_SCALE, Math.max(0, flat[at]!));
    this.parameters.upload();
  }
}

async function featuresOf([images, texts]: readonly tf.Tensor[]): Promise<ShardFeatures> {
  const read = async (tensor: tf.Tensor) => Float32Array.from(await tensor.data<'float32'>());
  return { images: await read(images!), texts: await read(texts!) };
}
