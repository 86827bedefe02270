export * from './clip-config.ts';
export { clipParameters, type NamedShape, type ParameterTensor, parameterCount } from './clip-parameters.ts';
export { activationBytes, estimateMemoryBytes } from './memory.ts';
export { type Preset, presets } from './presets.ts';
