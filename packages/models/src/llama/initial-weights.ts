import type { LlamaConfig } from '../catalog/llama-config.ts';
import { constant, drawWeights, normal } from '../weights/drawn-weights.ts';
import { llamaLayout } from './layout.ts';

/** The flat parameter buffer of `llamaLayout(config)` as Hugging Face draws it: norms of one, all else N(0, 0.02). */
export const initLlama = (config: LlamaConfig, seed: number): Float32Array =>
  drawWeights(llamaLayout(config), seed, (name) => (/norm\.weight$/.test(name) ? constant(1) : normal(0.02)));
