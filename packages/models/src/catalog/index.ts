export * from '../architecture.ts';
export { isInGroup, isInGroups } from '../grouped-tensor.ts';
export type * from '../model.ts';
export { architectureNamed, architectureOf, architectures, type PresetEntry, presets } from '../registry.ts';
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
} from './memory.ts';
export { elementCount, type NamedShape, type ParameterTensor } from './parameter-tensor.ts';
export { clipPresets } from './presets.ts';
