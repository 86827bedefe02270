export * from '../architecture.ts';
export { classEmbeddings } from '../class-embeddings.ts';
export { openClipConfigOf, openClipFiles } from '../clip/open-clip-config.ts';
export {
  composedConfig,
  composedFiles,
  composedWeights,
  type TowerOrigin,
  type TowerWeights,
  towerViolations,
} from '../composition.ts';
export { isInGroup, isInGroups } from '../grouped-tensor.ts';
export type * from '../model.ts';
export { architectureNamed, architectureOf, architectures, type PresetEntry, presets } from '../registry.ts';
export { type AdaptedWeights, adaptedWeights } from '../weights/adapted-weights.ts';
export { type Dialect, type NamePair, readingsOf, writingOf } from '../weights/dialect.ts';
export { clipDialects, customTextClip, huggingFaceClip, openAiClip } from '../weights/dialects/clip.ts';
export { flamingoDialects, openFlamingo } from '../weights/dialects/flamingo.ts';
export { llamaDialects } from '../weights/dialects/llama.ts';
export {
  hubLlava,
  hubLlava5,
  inMemoryLlava,
  llavaDialects,
  originalLlava,
} from '../weights/dialects/llava.ts';
export {
  type FolderWeights,
  noWeights,
  openFolderWeights,
  type WeightRules,
} from '../weights/folder-weights.ts';
export { interpolated, interpolatedTensors } from '../weights/interpolated.ts';
export { type NamedWeight, type NamedWeights, sourceOf, weightsOfFiles } from '../weights/named-weights.ts';
export { isPeftFile, openPeftAdapter, type PeftAdapter } from '../weights/peft-adapter.ts';
export { PEFT_CONFIG, type PeftOptions, parsePeftConfig } from '../weights/peft-config.ts';
export { type Translation, translate, writtenIn } from '../weights/translate.ts';
export * from './clip-config.ts';
export { clipParameters, parameterCount } from './clip-parameters.ts';
export { LlamaConfig, parseLlamaConfig } from './llama-config.ts';
export { llamaParameters } from './llama-parameters.ts';
export { llamaPresets } from './llama-presets.ts';
export {
  type ActivationOptions,
  activationBytes,
  backwardBytes,
  EVALUATION_BLOCK,
  forwardBytes,
  visionBytes,
} from './memory.ts';
export { elementCount, type NamedShape, type ParameterTensor } from './parameter-tensor.ts';
export { clipPresets } from './presets.ts';
