import type { LlamaConfig } from '../catalog/llama-config.ts';
import { constant, type Draw, drawWeights, normal } from '../weights/drawn-weights.ts';
import { llamaLayout } from './layout.ts';

/** The flat parameter buffer of `llamaLayout(config)`: the same for the same configuration and seed. */
export const initLlama = (config: LlamaConfig, seed: number): Float32Array =>
  drawWeights(llamaLayout(config), seed, (name) => drawOfDecoder(name, config));

/**
 * The distribution of a decoder's parameter, in a layout of its own or as part of another model: as Hugging Face draws it,
 * norms of one, all else N(0, 0.02), and wider where the decoder is narrow.
 */
export function drawOfDecoder(name: string, { hidden_size }: Pick<LlamaConfig, 'hidden_size'>): Draw {
  // 0.02 is about 1 / sqrt(width) of the published decoders; narrow ones would pass little on.
  return /norm\.weight$/.test(name) ? constant(1) : normal(Math.max(0.02, hidden_size ** -0.5));
}
