/** Architectures: configuration, forward functions, Hugging Face weight names. */
export * from './catalog/index.ts';
export { Clip } from './clip/clip.ts';
export { initClip } from './clip/initial-weights.ts';
export { clipLayout } from './clip/layout.ts';
export { clipSafetensors, clipSafetensorsPieces, loadClipWeights } from './clip/weight-file.ts';
export { type PatchGrid, patchify } from './vit/patchify.ts';
