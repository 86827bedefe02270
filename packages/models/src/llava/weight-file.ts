/**
 * LLaVA weights in files: the names of the Hugging Face hub are written; those of transformers 5, which leave out
 * `vision_model`, are read too.
 */
import type { SafetensorsFile } from '@triptych/nn';
import { type Dialect, isOneOf } from '../weights/dialect.ts';
import { hubLlava, hubLlava5 } from '../weights/dialects/llava.ts';
import { flattenWeights, weightsInMemory } from '../weights/weight-file.ts';
import type { LlavaConfig } from './config.ts';
import { llavaLayout } from './layout.ts';

/**
 * The flat parameter buffer of `llavaLayout(config)`.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function loadLlavaWeights(file: SafetensorsFile, config: LlavaConfig): Float32Array {
  const isSpare = (name: string) => config.text_config.tie_word_embeddings && isOneOf(hubLlava.spare, name);
  return flattenWeights(weightsInMemory(file, bothHubs), llavaLayout(config), isSpare);
}

const bothHubs: Dialect = { ...hubLlava, pairs: [...hubLlava.pairs, ...hubLlava5.pairs] };
