/**
 * LLaVA weights in files: the names of the Hugging Face hub are written; those of transformers 5, which leave out
 * `vision_model`, are read too.
 */
import type { SafetensorsFile } from '@triptych/nn';
import { flattenWeights, namedWeights } from '../weights/weight-file.ts';
import type { LlavaConfig } from './config.ts';
import { llavaLayout } from './layout.ts';

/** Buffers of old releases that are no parameters. */
const ignored = /\.rotary_emb\.inv_freq$|\.position_ids$/;
/** A tied head may be written a second time. */
const ignoredWhenTied = /\.rotary_emb\.inv_freq$|\.position_ids$|^language_model\.lm_head\.weight$/;

/**
 * The flat parameter buffer of `llavaLayout(config)`.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function loadLlavaWeights(file: SafetensorsFile, config: LlavaConfig): Float32Array {
  const weights = namedWeights(file, config.text_config.tie_word_embeddings ? ignoredWhenTied : ignored);
  const named = new Map([...weights].map(([name, weight]) => [canonicalName(name), weight]));
  return flattenWeights(named, llavaLayout(config));
}

const canonicalName = (name: string): string =>
  name.replace(/^vision_tower\.(?!vision_model\.)/, 'vision_tower.vision_model.');
