/** Low-rank adapters beside the matrices of a decoder: how they are applied, drawn, and merged. They own no tensor. */
import { dropout, joinColumns, linear, random, residual, tf } from '@triptych/nn';
import type { ParameterTensor } from '../catalog/parameter-tensor.ts';
import type { AdapterOptions } from '../model.ts';
import { type Projection, plainProjection } from '../transformer/projection.ts';
import type { Weights } from '../transformer/weights.ts';
import { constant, type Draw, uniform } from '../weights/drawn-weights.ts';
import { type AdapterTarget, adapterScale } from './options.ts';
import { type AdaptedPart, adaptedMatrices, adapterNames, adapterParameters } from './parameters.ts';

/** Names the random streams of one forward pass in training. */
export interface DropoutDraw {
  readonly seed: number;
  readonly step: number;
  readonly shard: number;
}

export class Adapters {
  readonly options: AdapterOptions;
  readonly #matrices: ReadonlyMap<string, readonly AdaptedPart[]>;

  /** Beside those of `tensors` (the decoder's) that are named as a target. */
  constructor(
    tensors: readonly ParameterTensor[],
    options: AdapterOptions,
    targets?: readonly AdapterTarget[],
  ) {
    this.options = options;
    this.#matrices = adaptedMatrices(tensors, targets);
  }

  /** A and B of every adapted matrix. */
  parameters(): ParameterTensor[] {
    return adapterParameters(this.#matrices, this.options.rank);
  }

  /** How a decoder applies its matrices with them. Without `draw` nothing is dropped. */
  projection(draw?: DropoutDraw): Projection {
    return {
      keysOf: (key) => [
        key,
        ...(this.#matrices.get(key) ?? []).flatMap(({ adapter }) => (adapter ? [adapter.a, adapter.b] : [])),
      ],
      apply: (x, key, weights) => {
        const parts = this.#matrices.get(key);
        if (parts === undefined) return plainProjection.apply(x, key, weights);
        // What stands beside each other here is several times what is kept of it.
        return tf.tidy(() => {
          const deltas = parts.map((part) => this.#apply(part, x, { weights, draw }));
          const delta = deltas.length === 1 ? deltas[0]! : joinColumns(deltas);
          return residual(plainProjection.apply(x, key, weights), delta);
        });
      },
    };
  }

  /**
   * What is to be added to the weight of that name, [out, in] row by row: scale B A. Undefined where it has no adapter.
   * A merged model differs from an unmerged one by float32 rounding (relative 3e-5 in the logits).
   */
  async delta(name: string, weights: Weights): Promise<Float32Array | undefined> {
    if (!this.#adapts(name)) return undefined;
    const { a, b } = adapterNames(name);
    const product = tf.tidy(() =>
      tf.mul(tf.matMul(weights<tf.Rank.R2>(b), weights<tf.Rank.R2>(a)), adapterScale(this.options)),
    );
    try {
      return Float32Array.from(await product.data<'float32'>());
    } finally {
      product.dispose();
    }
  }

  #adapts(name: string): boolean {
    return [...this.#matrices.values()].flat().some((part) => part.name === name && part.adapter);
  }

  #apply(
    { name, rows, adapter }: AdaptedPart,
    x: tf.Tensor,
    { weights, draw }: { readonly weights: Weights; readonly draw: DropoutDraw | undefined },
  ): tf.Tensor {
    if (adapter === undefined) return tf.zeros([...x.shape.slice(0, -1), rows]);
    const rate = draw === undefined ? 0 : this.options.dropout;
    const stream = draw && random(draw.seed, 'adapter dropout', draw.step, draw.shard, name);
    const dropped = rate > 0 && stream ? dropout(x, rate, stream) : x;
    const narrow = linear(dropped, weights<tf.Rank.R2>(adapter.a));
    return linear(tf.mul(narrow, adapterScale(this.options)), weights<tf.Rank.R2>(adapter.b));
  }
}

/** As PEFT draws them: A Kaiming-uniform with a = sqrt(5), so within 1 / sqrt(in); B zero, so that training begins at the base. */
export const drawOfAdapter = ({
  name,
  shape,
}: {
  readonly name: string;
  readonly shape: readonly number[];
}): Draw => (name.endsWith('.lora_A.weight') ? uniform(shape[1]! ** -0.5) : constant(0));
