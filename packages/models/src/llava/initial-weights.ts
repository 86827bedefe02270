/**
 * Random initial weights: the vision tower as OpenAI's CLIP draws it, projector and decoder as Hugging Face does (N(0, 0.02),
 * norms of one, biases of zero).
 */
import { drawOfVision } from '../clip/initial-weights.ts';
import { constant, type Draw, drawWeights, normal } from '../weights/drawn-weights.ts';
import type { LlavaConfig } from './config.ts';
import { llavaLayout } from './layout.ts';
import { VISION_PREFIX } from './parameters.ts';

/** The flat parameter buffer of `llavaLayout(config)`: the same for the same configuration and seed. */
export const initLlava = (config: LlavaConfig, seed: number): Float32Array =>
  drawWeights(llavaLayout(config), seed, (name) => drawOf(name, config));

export function drawOf(name: string, config: LlavaConfig): Draw {
  if (name.startsWith(VISION_PREFIX))
    return drawOfVision(name.slice(VISION_PREFIX.length), config.vision_config);
  if (name.endsWith('.bias')) return constant(0);
  return /norm\.weight$/.test(name) ? constant(1) : normal(0.02);
}
