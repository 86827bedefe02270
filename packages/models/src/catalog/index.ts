export * from './clip-config.ts';
export { clipParameters, type NamedShape, type ParameterTensor, parameterCount } from './clip-parameters.ts';
export { type ActivationOptions, activationBytes, backwardBytes, forwardBytes } from './memory.ts';
export { type Preset, presets } from './presets.ts';
