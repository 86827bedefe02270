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
export type { DatasetReader } from './formats/format.ts';
export { formatNames, formats } from './formats/registry.ts';
export { type CropDraw, type RandomCrop, randomResizedCrop } from './image/augment.ts';
export { decodeImage, type RgbImage } from './image/decode.ts';
export { normalise } from './image/normalise.ts';
export { PixelCache } from './image/pixel-cache.ts';
export { pixels } from './image/pixels.ts';
export { imageProcessorFiles, parseImageProcessor } from './image/processor/image-processor.ts';
export { type ImageProcessorFile, imageProcessorFile } from './image/processor/write.ts';
export {
  clipTransform,
  type ImageTransform,
  type ImageTransformSettings,
  imageTransform,
  resizeAndCrop,
} from './image/transform.ts';
export { type Dataset, openDataset } from './pack/dataset.ts';
export type { ArtifactStoreLike, DatasetManifest, ManifestImage, ManifestSample } from './pack/manifest.ts';
export { type PackedDataset, type PackProgress, packDataset, packSource } from './pack/pack-dataset.ts';
export { type Problem, ProblemLog } from './pack/problems.ts';
export { type BatchPlan, batchPlan } from './plan/batch-plan.ts';
export {
  type DatasetPass,
  type MixtureDataset,
  type MixturePlan,
  mixturePlan,
  mixtureViolations,
  type PlannedBatch,
} from './plan/mixture-plan.ts';
export { type RandomStream, randomStream } from './random-stream.ts';
export { IMAGE_TAG, type ImageSource, type SourceSample, sampleFault } from './sample.ts';
export { type ScenesSummary, writeScenes } from './scenes/write-scenes.ts';
export { folderSource } from './source/folder-source.ts';
export { jsonItems } from './source/json-items.ts';
export { readWhole, type Source, type SourceFile } from './source/source.ts';
export { SourceFiles } from './source/source-files.ts';
export {
  captionTurns,
  type ImagePlacement,
  OPTION_LETTER,
  questionTurns,
  SHORT_ANSWER,
} from './text/chat/conversation.ts';
export {
  type ChatTemplate,
  type ChatTemplateName,
  type ConversationOptions,
  chatTemplate,
  encodeChatPrompt,
  encodeConversation,
  stopTokens,
} from './text/chat/encode-conversation.ts';
export { type WrittenTemplate, writtenTemplates } from './text/chat/written-templates.ts';
export { ClipTokenizer } from './text/clip-tokenizer.ts';
export { type ClipVocabularyFiles, clipVocabularyOf } from './text/clip-tokenizer-json.ts';
export {
  END_OF_CHUNK,
  encodeFewShotPrompt,
  encodeInterleaved,
  encodePairs,
  type Fields,
  type FlamingoOptions,
  flamingoTokenizer,
  interleavedLabels,
  type PicturePairs,
} from './text/flamingo/sequences.ts';
export {
  type FlamingoTemplate,
  type FlamingoTemplateName,
  flamingoTemplates,
} from './text/flamingo/templates.ts';
export { type TokenizerFiles, tokenizerFileNames } from './text/hugging-face/folder.ts';
export { Tokenizer } from './text/hugging-face/tokenizer.ts';
export { learnTokenizer } from './text/learn-tokenizer.ts';
export { type PromptSet, promptTemplates, zeroShotPrompts } from './text/prompts.ts';
export { type Preview, type PreviewToken, preview } from './text/sequence/preview.ts';
export type { ImageSpan, ImageTokens, SampleTokens } from './text/sequence/segments.ts';
export { truncate } from './text/sequence/truncate.ts';
export type { Vocabulary } from './text/vocabulary.ts';
