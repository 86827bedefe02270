/** From files on disk to batches: formats, packing, images, text, batch plan, and the sample dataset. */
export type {
  Captions,
  Content,
  ContentKind,
  Conversation,
  Interleaved,
  Question,
  Role,
  Turn,
} from './content.ts';
export { decodeImage, type RgbImage } from './image/decode.ts';
export { PixelCache } from './image/pixel-cache.ts';
export { pixels } from './image/pixels.ts';
export { clipTransform, type ImageTransform, normalise, resizeAndCrop } from './image/transform.ts';
export { type Dataset, openDataset } from './pack/dataset.ts';
export type { ArtifactStoreLike, DatasetManifest, ManifestSample } from './pack/manifest.ts';
export { type PackedDataset, type PackProgress, packDataset } from './pack/pack-dataset.ts';
export type { Problem } from './pack/problems.ts';
export { type BatchPlan, batchPlan } from './plan/batch-plan.ts';
export { type ScenesSummary, writeScenes } from './scenes/write-scenes.ts';
export { ClipTokenizer } from './text/clip-tokenizer.ts';
export { type PromptSet, promptTemplates, zeroShotPrompts } from './text/prompts.ts';
