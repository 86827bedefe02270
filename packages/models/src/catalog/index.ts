export * from './clip-config.ts';
export { clipParameters, parameterCount } from './clip-parameters.ts';
export { LlamaConfig, parseLlamaConfig } from './llama-config.ts';
export { llamaParameters } from './llama-parameters.ts';
export { llamaPresets } from './llama-presets.ts';
export { type ActivationOptions, activationBytes, backwardBytes, forwardBytes } from './memory.ts';
export { elementCount, type NamedShape, type ParameterTensor } from './parameter-tensor.ts';
export { type Preset, presets } from './presets.ts';
