import { tf } from '@triptych/nn';
import type { ClipVisionConfig } from '../catalog/clip-config.ts';

/** Patches [n, N, 3pp] of as many pictures as there are; the caller disposes the tensor. */
export function patchTensor(
  patches: Float32Array,
  { vision_config }: { readonly vision_config: Pick<ClipVisionConfig, 'image_size' | 'patch_size'> },
): tf.Tensor3D {
  const { image_size, patch_size } = vision_config;
  const count = patches.length / (3 * image_size ** 2);
  return tf.tensor3d(patches, [count, (image_size / patch_size) ** 2, 3 * patch_size ** 2]);
}
