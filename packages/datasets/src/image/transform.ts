/** How a picture of any size becomes a square of pixels: CLIP's evaluation transform. */
export interface ImageTransform {
  /** Side of the square, in pixels. */
  readonly size: number;
  /** Subtracted per channel from values in 0..1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Crop offset of an odd gap: Hugging Face floors, torchvision and open_clip round half to even. */
  readonly cropRounding: 'floor' | 'half-even';
}

/** The published CLIP models' transform at `size` pixels, with Hugging Face's crop. */
export const clipTransform = (size: number): ImageTransform => ({
  size,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
  cropRounding: 'floor',
});
