/** Llama weights in files, under Hugging Face names. */
import type { SafetensorsFile } from '@triptych/nn';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { isOneOf } from '../weights/dialect.ts';
import { llamaForCausalLm } from '../weights/dialects/llama.ts';
import { flattenWeights, weightFile, weightFilePieces, weightsInMemory } from '../weights/weight-file.ts';
import { llamaLayout } from './layout.ts';

/**
 * The flat parameter buffer of `llamaLayout(config)`. A tied head may be written a second time.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function loadLlamaWeights(file: SafetensorsFile, config: LlamaConfig): Float32Array {
  const isSpare = (name: string) => config.tie_word_embeddings && isOneOf(llamaForCausalLm.spare, name);
  return flattenWeights(weightsInMemory(file, llamaForCausalLm), llamaLayout(config), isSpare);
}

/** `flat` under Hugging Face names; equal weights give equal bytes. */
export const llamaSafetensors = (config: LlamaConfig, flat: Float32Array): Uint8Array =>
  weightFile(llamaLayout(config), flat);

/** The bytes of the same file in order, as windows on `flat`. */
export const llamaSafetensorsPieces = (
  config: LlamaConfig,
  flat: Float32Array,
): Generator<Uint8Array, void> => weightFilePieces(llamaLayout(config), flat);
