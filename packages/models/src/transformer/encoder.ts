/** The pre-norm transformer blocks that both CLIP towers are made of. */

import {
  attention,
  crossAttention,
  gelu,
  keyRanges,
  layerNorm,
  linear,
  residual,
  selectRows,
  tf,
} from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { TowerConfig } from '../catalog/clip-config.ts';
import { checkpointed } from './checkpointed.ts';
import type { Weights } from './weights.ts';

export interface EncoderOptions {
  readonly weights: Weights;
  /** Of the parameter names, for example `text_model.encoder`. */
  readonly prefix: string;
  readonly tower: TowerConfig;
  readonly causal: boolean;
  /** `checkpoint`: a block keeps its input alone and is computed again in the backward pass. Same bits. */
  readonly memory: ActivationMemory;
}

/** `hidden` [B, T, D] through the first `blocks` blocks (all of them). Differentiable. */
export function encode(
  hidden: tf.Tensor3D,
  options: EncoderOptions,
  blocks = options.tower.num_hidden_layers,
): tf.Tensor3D {
  return hiddenStates(hidden, options, [blocks])[0]!;
}

/** The states of `hidden` [B, T, D] after so many blocks, each [B, T, D]; later blocks are not run. Differentiable. */
export function hiddenStates(
  hidden: tf.Tensor3D,
  options: EncoderOptions,
  blockCounts: readonly number[],
): tf.Tensor3D[] {
  const states = new Map([[0, hidden]]);
  const last = Math.max(...blockCounts);
  for (let i = 0; i < last; i++) {
    const input = states.get(i)!;
    states.set(i + 1, run(wholeBlock, input, { i, options }));
    // What the backward pass needs has been kept; the rest goes here, or an evaluation would hold every block at once.
    if (i > 0 && !blockCounts.includes(i)) input.dispose();
  }
  return blockCounts.map((count) => states.get(count)!);
}

/**
 * `hidden` [B, T, D] through all blocks, where of each sequence one position is wanted: row `positions[b]` of sequence b,
 * [B, D]. The last block computes queries, projection and MLP for these alone, which saves five sixths of it.
 * Differentiable.
 */
export function encodePooled(
  hidden: tf.Tensor3D,
  positions: Int32Array,
  options: EncoderOptions,
): tf.Tensor2D {
  const last = options.tower.num_hidden_layers - 1;
  const output = encode(hidden, options, last);
  const pooled = run(pooledBlock(positions), output, { i: last, options });
  if (output !== hidden) output.dispose();
  return pooled;
}

type Block<X extends tf.Tensor> = (hidden: tf.Tensor3D, prefix: string, options: EncoderOptions) => X;

const blockLayers = [
  'layer_norm1',
  'self_attn.qkv_proj',
  'self_attn.out_proj',
  'layer_norm2',
  'mlp.fc1',
  'mlp.fc2',
];

/** Block number `i`, checkpointed where the options say so. Frees what it makes on the way. */
function run<X extends tf.Tensor>(
  block: Block<X>,
  hidden: tf.Tensor3D,
  at: { readonly i: number; readonly options: EncoderOptions },
): X {
  const { i, options } = at;
  const prefix = `${options.prefix}.layers.${i}`;
  if (options.memory === 'keep') return tf.tidy(() => block(hidden, prefix, options));
  return checkpointed(hidden, {
    keys: blockLayers.flatMap((layer) => [`${prefix}.${layer}.weight`, `${prefix}.${layer}.bias`]),
    weights: options.weights,
    block: (x, weights) => block(x, prefix, { ...options, weights }),
  });
}

function wholeBlock(hidden: tf.Tensor3D, prefix: string, options: EncoderOptions): tf.Tensor3D {
  const { weights, tower, causal } = options;
  const normed = normalise(hidden, `${prefix}.layer_norm1`, options);
  const name = `${prefix}.self_attn.qkv_proj`;
  const qkv = linear(normed, weights(`${name}.weight`), weights(`${name}.bias`)) as tf.Tensor3D;
  const mask = causal ? 'causal' : 'full';
  const attended = attention(qkv, { heads: tower.num_attention_heads, mask });
  return addProjectionAndMlp(hidden, attended, { prefix, options }) as tf.Tensor3D;
}

/** Keys and values of all positions, everything else of one position for each sequence. */
const pooledBlock =
  (positions: Int32Array): Block<tf.Tensor2D> =>
  (hidden, prefix, options) => {
    const { weights, tower, causal } = options;
    const [batch, length, width] = hidden.shape;
    const normed = normalise(hidden, `${prefix}.layer_norm1`, options);
    const name = `${prefix}.self_attn.qkv_proj`;
    const sizes = [width, 2 * width];
    const [qWeight, kvWeight] = tf.split(weights<tf.Rank.R2>(`${name}.weight`), sizes) as tf.Tensor2D[];
    const [qBias, kvBias] = tf.split(weights<tf.Rank.R1>(`${name}.bias`), sizes) as tf.Tensor1D[];
    const q = linear(selectRows(normed, positions), qWeight!, qBias);
    const kv = linear(normed, kvWeight!, kvBias) as tf.Tensor3D;
    const attended = crossAttention(tf.reshape(q, [batch, 1, width]), kv, {
      heads: tower.num_attention_heads,
      mask: causal
        ? keyRanges({ batch, queries: 1, keys: length }, (sequence) => [0, positions[sequence]! + 1])
        : 'full',
    });
    const pooled = selectRows(hidden, positions);
    return addProjectionAndMlp(pooled, tf.reshape(attended, [batch, width]), {
      prefix,
      options,
    }) as tf.Tensor2D;
  };

/** From the attended values on: projection, norm and MLP, each row by itself. */
function addProjectionAndMlp(
  hidden: tf.Tensor,
  attended: tf.Tensor,
  at: { readonly prefix: string; readonly options: EncoderOptions },
): tf.Tensor {
  const { prefix, options } = at;
  const { weights, tower } = options;
  const apply = (x: tf.Tensor, name: string) =>
    linear(x, weights(`${prefix}.${name}.weight`), weights(`${prefix}.${name}.bias`));
  const middle = residual(hidden, apply(attended, 'self_attn.out_proj'));
  const inner = apply(normalise(middle, `${prefix}.layer_norm2`, options), 'mlp.fc1');
  return residual(middle, apply(gelu(inner, tower.hidden_act), 'mlp.fc2'));
}

/** The layer norm whose parameters are `name`.weight and `name`.bias. */
export function normalise<T extends tf.Tensor>(
  x: T,
  name: string,
  { weights, tower }: Pick<EncoderOptions, 'weights' | 'tower'>,
): T {
  return layerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), tower.layer_norm_eps) as T;
}
