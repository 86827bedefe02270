/**
 * The small CLIP that the engine is measured with: ViT of width 256, 6 layers, 8-pixel patches on 64 x 64; text of width
 * 256, 4 layers, context 32; 10.2 million parameters.
 */
import {
  linear,
  Parameters,
  type Recording,
  random,
  record,
  softmaxCrossEntropy,
  type Tensor2D,
  tf,
} from '@triptych/nn';
import { type ClipConfig, parseConfig } from '../catalog/clip-config.ts';
import { Clip } from '../clip/clip.ts';
import { initClip } from '../clip/initial-weights.ts';
import { clipLayout } from '../clip/layout.ts';
import { weightsOf } from '../transformer/weights.ts';
import { blockFlops, productFlops } from './flops.ts';
import { WholeModel } from './whole-model.ts';
import type { Inputs, NamedInput, Workload } from './workload.ts';

const tower = { hidden_size: 256, intermediate_size: 1024, num_attention_heads: 4, hidden_act: 'quick_gelu' };
const config: ClipConfig = parseConfig({
  projection_dim: 256,
  text_config: {
    ...tower,
    num_hidden_layers: 4,
    vocab_size: 8192,
    max_position_embeddings: 32,
    bos_token_id: 8190,
    eos_token_id: 8191,
  },
  vision_config: { ...tower, num_hidden_layers: 6, image_size: 64, patch_size: 8 },
});
const PATCHES = 64;
const PATCH_FLOATS = 3 * 8 * 8;
const CONTEXT = 32;

export const clipWorkload: Workload = {
  name: 'clip',
  description: 'ViT 256 x 6, 65 tokens; text 256 x 4, 32 tokens; 10.2 M parameters',
  peer: { model: 'clip', config },
  open: async () => new WholeModel(new Parameters(clipLayout(config), initClip(config, 1)), recordLoss),

  inputs(batch) {
    const stream = random(1, 'bench', 'clip', batch);
    const patches = Float32Array.from({ length: batch * PATCHES * PATCH_FLOATS }, () => stream.normal());
    // The end token is last, so that no engine can leave positions out.
    const ids = Int32Array.from({ length: batch * CONTEXT }, (_, i) =>
      i % CONTEXT === CONTEXT - 1 ? 8191 : stream.integer(8190),
    );
    return [
      { name: 'patches', shape: [batch, PATCHES, PATCH_FLOATS], values: patches },
      { name: 'ids', shape: [batch, CONTEXT], values: ids },
    ];
  },

  flops(batch) {
    const { hidden_size: width } = tower;
    const weights = 12 * width * width;
    const image = 6 * blockFlops({ tokens: PATCHES + 1, weights, width });
    const text = 4 * blockFlops({ tokens: CONTEXT, weights, width });
    // The patch embedding needs no gradient of its input.
    const embedding = productFlops({ rows: PATCHES, weights: PATCH_FLOATS * width, passes: 2 });
    return batch * (image + text + embedding);
  },
};

function recordLoss(parameters: Parameters, inputs: Inputs, batch: number): Recording {
  const clip = new Clip(config, weightsOf(parameters));
  const patches = floats(inputs.get('patches')!);
  const ids = inputs.get('ids')!.values as Int32Array;
  const own = Int32Array.from({ length: batch }, (_, i) => i);
  try {
    return record(parameters.tensors(), () => {
      const images = clip.encodeImages(patches);
      const texts = clip.encodeText(ids, batch);
      const scale = tf.exp(parameters.tensor('logit_scale'));
      const imagesByTexts = tf.mul(linear(images, texts), scale) as Tensor2D;
      const textsByImages = tf.mul(linear(texts, images), scale) as Tensor2D;
      const sums = [imagesByTexts, textsByImages].map((logits) => softmaxCrossEntropy(logits, own).sum);
      return [tf.mul(tf.add(sums[0]!, sums[1]!), 0.5 / batch)];
    });
  } finally {
    patches.dispose();
  }
}

const floats = ({ values, shape }: NamedInput): tf.Tensor3D =>
  tf.tensor3d(values as Float32Array, shape as [number, number, number]);
