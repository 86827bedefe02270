/**
 * The head over fixed classes: `exp(logit_scale) u W^T + b` of unit features u. With class embeddings as W and no bias it is
 * zero-shot classification; with W = 0 every class is as likely.
 */
import { promptTemplates, zeroShotPrompts } from '@triptych/datasets';
import { linear, tf } from '@triptych/nn';
import { CLASSIFIER } from '../catalog/clip-parameters.ts';
import { EVALUATION_BLOCK } from '../catalog/memory.ts';
import { classEmbeddings } from '../class-embeddings.ts';
import type { Embed } from '../model.ts';
import type { Weights } from '../transformer/weights.ts';

export const HEAD_WEIGHT = `${CLASSIFIER}.weight`;

/** [n, P] to logits [n, classes]. Differentiable; the caller disposes the result. */
export const classify = (features: tf.Tensor2D, weights: Weights): tf.Tensor2D =>
  tf.tidy(() => {
    const scaled = tf.mul<tf.Tensor2D>(features, tf.exp(weights('logit_scale')));
    return linear(scaled, weights(HEAD_WEIGHT), weights(`${CLASSIFIER}.bias`)) as tf.Tensor2D;
  });

/** [classes, P]: what the text tower makes of the prompts that zero-shot classification would use. */
export async function promptHead(classNames: readonly string[], embed: Embed): Promise<Float32Array> {
  const { width, prompts: set, texts } = embed;
  const prompts = classNames.flatMap((name) => zeroShotPrompts(name, set));
  const rows = new Float32Array(prompts.length * width);
  const block = EVALUATION_BLOCK.texts;
  for (let start = 0; start < prompts.length; start += block)
    rows.set(await texts(prompts.slice(start, start + block)), start * width);
  return classEmbeddings(rows, promptTemplates[set].length, width);
}
