/**
 * Random initial weights: the vision tower as OpenAI's CLIP draws it, the projector as LLaVA does (PyTorch's default), the
 * decoder as Hugging Face's Llama.
 */
import { drawOfVision } from '../clip/initial-weights.ts';
import { drawOfDecoder } from '../llama/initial-weights.ts';
import { type Draw, drawWeights, uniform } from '../weights/drawn-weights.ts';
import { featureWidth, type LlavaConfig } from './config.ts';
import { llavaLayout } from './layout.ts';
import { PROJECTOR, VISION_PREFIX } from './parameters.ts';

/** The flat parameter buffer of `llavaLayout(config)`: the same for the same configuration and seed. */
export const initLlava = (config: LlavaConfig, seed: number): Float32Array =>
  drawWeights(llavaLayout(config), seed, (name) => drawOf(name, config));

export function drawOf(name: string, config: LlavaConfig): Draw {
  if (name.startsWith(VISION_PREFIX))
    return drawOfVision(name.slice(VISION_PREFIX.length), config.vision_config);
  if (name.startsWith(PROJECTOR)) {
    const width = name.includes('.linear_1.') ? featureWidth(config) : config.text_config.hidden_size;
    return uniform(width ** -0.5);
  }
  return drawOfDecoder(name, config.text_config);
}
