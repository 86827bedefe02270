/** CLIP weights in files: Hugging Face names are written; Hugging Face and OpenAI (open_clip) names are read. */
import type { SafetensorsFile } from '@triptych/nn';
import type { ClipConfig } from '../catalog/clip-config.ts';
import { flattenWeights, namedWeights, weightFile, weightFilePieces } from '../weights/weight-file.ts';
import { clipLayout } from './layout.ts';
import { fromOpenAiNames, hasOpenAiNames } from './openai-names.ts';

/** Buffers of old releases and of OpenAI's archives that are no parameters. */
const ignored = /(^|\.)(position_ids|attn_mask|input_resolution|context_length|vocab_size)$/;

/**
 * The flat parameter buffer of `clipLayout(config)`.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function loadClipWeights(file: SafetensorsFile, config: ClipConfig): Float32Array {
  const weights = namedWeights(file, ignored);
  const named = hasOpenAiNames(weights) ? fromOpenAiNames(weights) : weights;
  return flattenWeights(named, clipLayout(config));
}

/** `flat` under Hugging Face names; equal weights give equal bytes. */
export const clipSafetensors = (config: ClipConfig, flat: Float32Array): Uint8Array =>
  weightFile(clipLayout(config), flat);

/** The bytes of the same file in order, as windows on `flat`. */
export const clipSafetensorsPieces = (config: ClipConfig, flat: Float32Array): Generator<Uint8Array, void> =>
  weightFilePieces(clipLayout(config), flat);
