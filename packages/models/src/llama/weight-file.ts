/** Llama weights in files, under Hugging Face names. */
import type { SafetensorsFile } from '@triptych/nn';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { flattenWeights, namedWeights, weightFile, weightFilePieces } from '../weights/weight-file.ts';
import { llamaLayout } from './layout.ts';

/** A buffer of old releases that is no parameter. */
const ignored = /\.rotary_emb\.inv_freq$/;
/** A tied head may be written a second time. */
const ignoredWhenTied = /\.rotary_emb\.inv_freq$|^lm_head\.weight$/;

/**
 * The flat parameter buffer of `llamaLayout(config)`.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function loadLlamaWeights(file: SafetensorsFile, config: LlamaConfig): Float32Array {
  const weights = namedWeights(file, config.tie_word_embeddings ? ignoredWhenTied : ignored);
  return flattenWeights(weights, llamaLayout(config));
}

/** `flat` under Hugging Face names; equal weights give equal bytes. */
export const llamaSafetensors = (config: LlamaConfig, flat: Float32Array): Uint8Array =>
  weightFile(llamaLayout(config), flat);

/** The bytes of the same file in order, as windows on `flat`. */
export const llamaSafetensorsPieces = (
  config: LlamaConfig,
  flat: Float32Array,
): Generator<Uint8Array, void> => weightFilePieces(llamaLayout(config), flat);
