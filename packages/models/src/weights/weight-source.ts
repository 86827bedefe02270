/** Where a model's weights come from, one by one: files, random streams, another model. */

/** As stored, in PyTorch layout; possibly a window on a file, not to be written to. */
export type StoredTensor =
  | { readonly shape: readonly number[]; readonly dtype: 'F32'; readonly data: Float32Array }
  | { readonly shape: readonly number[]; readonly dtype: 'F16' | 'BF16'; readonly data: Uint16Array };

export interface WeightSource {
  /** Canonical names: those that the architecture's parameters have. */
  has(name: string): boolean;
  /** @throws TriptychError MODEL_INVALID, ARTIFACT_CORRUPT. */
  read(name: string): Promise<StoredTensor>;
}
