/**
 * Random initial weights of a Flamingo, each part as its reference draws it: the vision tower as OpenAI's CLIP, the decoder as
 * Hugging Face's Llama, resampler and gated blocks as open_flamingo (PyTorch's defaults, with gates of zero where the
 * configuration says nothing).
 */
import { drawOfVision } from '../clip/initial-weights.ts';
import { drawOfDecoder } from '../llama/initial-weights.ts';
import { constant, type Draw, drawWeights, normal, uniform } from '../weights/drawn-weights.ts';
import type { FlamingoConfig } from './config.ts';
import { flamingoLayout } from './layout.ts';
import { flamingoParameters, VISION_PREFIX } from './parameters.ts';

/** The flat parameter buffer of `flamingoLayout(config)`: the same for the same configuration and seed. */
export const initFlamingo = (config: FlamingoConfig, seed: number): Float32Array =>
  drawWeights(flamingoLayout(config), seed, flamingoDraws(config));

/** The distribution of each named parameter. */
export function flamingoDraws(config: FlamingoConfig): (name: string) => Draw {
  const shapes = new Map(
    flamingoParameters(config).flatMap(({ parts }) => parts.map(({ name, shape }) => [name, shape] as const)),
  );
  return (name) => {
    if (name.startsWith(VISION_PREFIX))
      return drawOfVision(name.slice(VISION_PREFIX.length), config.vision_config);
    if (name.endsWith('_gate')) return constant(config.initial_gate ?? 0);
    if (/^perceiver\.(latents|frame_embs|media_time_embs)$/.test(name)) return normal(1);
    const shape = shapes.get(name)!;
    // What has one dimension is a norm.
    if (shape.length === 1) return constant(name.endsWith('.bias') ? 0 : 1);
    return /^perceiver\.|\.gated_cross_attn_layer\./.test(name)
      ? uniform(shape[1]! ** -0.5)
      : drawOfDecoder(name, config.text_config);
  };
}
