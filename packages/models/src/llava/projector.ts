/** From the features of the vision tower to the width of the decoder: as many linear layers as the configuration says. */
import { gelu, linear, tf } from '@triptych/nn';
import type { Weights } from '../transformer/weights.ts';
import { type LlavaConfig, projectorLayers } from './config.ts';
import { PROJECTOR } from './parameters.ts';

/** `features` [..., Dv] to [..., D], an activation between two layers. Differentiable; run it inside a tidy. */
export function project<T extends tf.Tensor>(
  features: T,
  { config, weights }: { readonly config: LlavaConfig; readonly weights: Weights },
): T {
  // A tensor of its own even where nothing is done.
  let output: tf.Tensor = tf.clone(features);
  for (let i = 1; i <= projectorLayers(config); i++) {
    const name = `${PROJECTOR}.linear_${i}`;
    const input = i === 1 ? output : gelu(output, config.projector_hidden_act);
    const bias = config.multimodal_projector_bias ? weights<tf.Rank.R1>(`${name}.bias`) : undefined;
    output = linear(input, weights<tf.Rank.R2>(`${name}.weight`), bias);
  }
  return output as T;
}
