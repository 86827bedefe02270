/**
 * A small LLaVA-style decoder step: image features through a two-layer projector, put before the text, through a Llama of
 * width 256 and 6 layers with grouped-query attention; next-token loss on the text. 5.8 million parameters.
 */
import {
  gelu,
  linear,
  ParameterLayout,
  Parameters,
  type Recording,
  random,
  record,
  softmaxCrossEntropy,
  type Tensor2D,
  tf,
} from '@triptych/nn';
import { parseLlamaConfig } from '../catalog/llama-config.ts';
import { llamaParameters } from '../catalog/llama-parameters.ts';
import { type ParameterTensor, single } from '../catalog/parameter-tensor.ts';
import { Llama } from '../llama/llama.ts';
import { selfAttention } from '../llama/sequences.ts';
import { weightsOf } from '../transformer/weights.ts';
import { constant, drawWeights, normal } from '../weights/drawn-weights.ts';
import { blockFlops, productFlops } from './flops.ts';
import { WholeModel } from './whole-model.ts';
import type { Inputs, Workload } from './workload.ts';

const config = parseLlamaConfig({
  hidden_size: 256,
  intermediate_size: 688,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 2048,
  rms_norm_eps: 1e-5,
});
const width = config.hidden_size;
const FEATURES = 256;
const IMAGE = 64;
const TEXT = 64;
const length = IMAGE + TEXT;
/** Positions whose next token is a text token. */
const predicting = { first: IMAGE - 1, count: TEXT };

const affine = (name: string, shape: readonly [number, number]): ParameterTensor[] => [
  single(`${name}.weight`, shape),
  single(`${name}.bias`, [shape[0]]),
];
const projector = 'multi_modal_projector';
const layout = new ParameterLayout([
  ...llamaParameters(config),
  ...affine(`${projector}.linear_1`, [width, FEATURES]),
  ...affine(`${projector}.linear_2`, [width, width]),
]);

export const decoderWorkload: Workload = {
  name: 'decoder',
  description: 'Llama 256 x 6, 4/2 heads, 64 image and 64 text tokens behind a projector; 5.8 M parameters',
  peer: { model: 'decoder', config: { ...config, image_tokens: IMAGE } },
  open: async () => new WholeModel(new Parameters(layout, drawWeights(layout, 1, drawOf)), recordLoss),

  inputs(batch) {
    const stream = random(1, 'bench', 'decoder', batch);
    const features = Float32Array.from({ length: batch * IMAGE * FEATURES }, () => stream.normal());
    const ids = Int32Array.from({ length: batch * TEXT }, () => stream.integer(config.vocab_size));
    return [
      { name: 'features', shape: [batch, IMAGE, FEATURES], values: features },
      { name: 'ids', shape: [batch, TEXT], values: ids },
    ];
  },

  flops(batch) {
    const heads = config.num_attention_heads + 2 * config.num_key_value_heads;
    const attention = width * heads * config.head_dim + width * width;
    const weights = attention + 3 * width * config.intermediate_size;
    const blocks = config.num_hidden_layers * blockFlops({ tokens: length, weights, width });
    const products = [
      { rows: TEXT, weights: config.vocab_size * width, passes: 3 },
      // The features need no gradient.
      { rows: IMAGE, weights: FEATURES * width, passes: 2 },
      { rows: IMAGE, weights: width * width, passes: 3 },
    ];
    return batch * products.reduce((sum, product) => sum + productFlops(product), blocks);
  },
};

function drawOf(name: string) {
  if (name.endsWith('norm.weight')) return constant(1);
  return name.endsWith('.bias') ? constant(0) : normal(0.02);
}

function recordLoss(parameters: Parameters, inputs: Inputs, batch: number): Recording {
  const llama = new Llama(config, weightsOf(parameters));
  const ids = inputs.get('ids')!.values as Int32Array;
  const features = tf.tensor3d(inputs.get('features')!.values as Float32Array, [batch, IMAGE, FEATURES]);
  const apply = (x: tf.Tensor, name: string) =>
    linear(
      x,
      parameters.tensor(`${projector}.${name}.weight`) as Tensor2D,
      parameters.tensor(`${projector}.${name}.bias`) as tf.Tensor1D,
    );
  try {
    return record(parameters.tensors(), () => {
      const image = apply(gelu(apply(features, 'linear_1'), 'gelu'), 'linear_2') as tf.Tensor3D;
      const embeddings = tf.concat([image, llama.embed(ids, batch)], 1);
      const hidden = llama.decode(embeddings, selfAttention(config, { batch, length }));
      const before = tf.slice(hidden, [0, predicting.first, 0], [batch, predicting.count, width]);
      const logits = llama.logits(tf.reshape(before, [batch * predicting.count, width])) as Tensor2D;
      const { sum, count } = softmaxCrossEntropy(logits, ids);
      return [tf.mul(sum, 1 / count)];
    });
  } finally {
    features.dispose();
  }
}
