/** CLIP weights in a file that is in memory, under Hugging Face names. */
import type { SafetensorsFile } from '@triptych/nn';
import type { ClipConfig } from '../catalog/clip-config.ts';
import { huggingFaceClip } from '../weights/dialects/clip.ts';
import { flattenWeights, weightFile, weightFilePieces, weightsInMemory } from '../weights/weight-file.ts';
import { clipLayout } from './layout.ts';

/**
 * The flat parameter buffer of `clipLayout(config)`.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export const loadClipWeights = (file: SafetensorsFile, config: ClipConfig): Float32Array =>
  flattenWeights(weightsInMemory(file, huggingFaceClip), clipLayout(config));

/** `flat` under Hugging Face names; equal weights give equal bytes. */
export const clipSafetensors = (config: ClipConfig, flat: Float32Array): Uint8Array =>
  weightFile(clipLayout(config), flat);

/** The bytes of the same file in order, as windows on `flat`. */
export const clipSafetensorsPieces = (config: ClipConfig, flat: Float32Array): Generator<Uint8Array, void> =>
  weightFilePieces(clipLayout(config), flat);
