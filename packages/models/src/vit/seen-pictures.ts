/** How a model is shown the pictures of a batch: as patches, or as what a tower that is not trained made of them before. */
import { tf } from '@triptych/nn';
import type { ClipVisionConfig } from '../catalog/clip-config.ts';
import { FeatureCache, type Picture } from './feature-cache.ts';
import { patchTensor } from './patch-tensor.ts';
import type { PicturePatches } from './picture-patches.ts';

export interface SeenPictures {
  readonly kind: 'patches' | 'features';
  /** Patches [n, N, 3pp], or features [n, rows, width]. */
  readonly values: Float32Array;
}

/** Pictures of samples to what a batch carries of them; `undefined` is a picture of zeros. */
export type SeePictures = (pictures: readonly (Picture | undefined)[]) => Promise<SeenPictures>;

/** The image tower of a model, as far as pictures go through it alone. */
export interface ImageTower {
  readonly config: { readonly vision_config: ClipVisionConfig };
  /** Patches [n, N, 3pp] to features [n, rows, width]. */
  imageFeatures(patches: tf.Tensor3D): tf.Tensor3D;
  /** Of what one picture becomes. */
  readonly featureShape: readonly [rows: number, width: number];
}

/** For a tower that is trained: it runs in every step. */
export const seenAsPatches =
  (patches: PicturePatches): SeePictures =>
  async (pictures) => {
    const pixels: (Uint8Array | undefined)[] = [];
    for (const picture of pictures) pixels.push(await picture?.pixels());
    return { kind: 'patches', values: patches.cut(pixels) };
  };

/** For a tower that stays as it is: it sees each picture once, alone and outside of recordings. */
export function seenAsFeatures(patches: PicturePatches, tower: ImageTower): SeePictures {
  const [rows, width] = tower.featureShape;
  const cache = new FeatureCache({
    length: rows * width,
    compute: async (pixels) => await featuresOf(tower, patches.cut([pixels])),
  });
  return async (pictures) => ({ kind: 'features', values: await cache.features(pictures) });
}

/** Features [n, rows, width] of what a batch carries; differentiable where it carries patches. The caller disposes them. */
export function featureTensor(tower: ImageTower, { kind, values }: SeenPictures): tf.Tensor3D {
  const [rows, width] = tower.featureShape;
  if (kind === 'features') return tf.tensor3d(values, [values.length / (rows * width), rows, width]);
  return tf.tidy(() => tower.imageFeatures(patchTensor(values, tower.config)));
}

async function featuresOf(tower: ImageTower, patches: Float32Array): Promise<Float32Array> {
  const features = tf.tidy(() => tower.imageFeatures(patchTensor(patches, tower.config)));
  try {
    return await features.data<'float32'>();
  } finally {
    features.dispose();
  }
}
