export { checkpoint } from './autodiff/checkpoint.ts';
export type { InputGradient } from './autodiff/propagation.ts';
export { type Recording, record } from './autodiff/recording.ts';
export { unrecorded } from './autodiff/unrecorded.ts';
export type {
  BackendChoice,
  DeviceChoice,
  EngineDescription,
  GemmChoice,
  Precision,
} from './engine/engine.ts';
export { wasmHeapBytes } from './engine/heap-bytes.ts';
export { type KernelProfile, type KernelTime, profileKernels } from './engine/kernel-profile.ts';
export { selectBackend } from './engine/select-backend.ts';
export { installedTensorflow } from './engine/tensorflow-package.ts';
export { type BeamSearchOptions, beamSearch } from './generation/beam-search.ts';
export type { Decoder } from './generation/decoder.ts';
export {
  collectTokens,
  type GenerationEvent,
  type GenerationOptions,
  generate,
} from './generation/generate.ts';
export type { GenerationLimits } from './generation/generation-limits.ts';
export type { BeamRules, EndedBeam } from './generation/hypotheses.ts';
export {
  KeyValueCache,
  type KeyValueCacheOptions,
  keyValueCacheBytes,
} from './generation/key-value-cache.ts';
export { argmax } from './generation/largest.ts';
export { logLikelihoods, type TokenLogProbabilities } from './generation/log-likelihood.ts';
export type { SampleChoice, TokenChoice } from './generation/token-choice.ts';
export { type Comparison, compare, type Tolerance } from './golden/comparison.ts';
export { GoldenCase, integersOf } from './golden/golden-case.ts';
export {
  type AttentionMask,
  type KeyRanges,
  keyRanges,
  type MediaMaskOptions,
  mediaMask,
  type SequenceMaskOptions,
  sequenceMask,
} from './kernels/attention-mask.ts';
export { type GeluKind, kernels, type RotaryTable } from './kernels/kernels.ts';
export type { Rows, StepKernels } from './kernels/step-kernels.ts';
export {
  type AttentionOptions,
  attention,
  type CrossAttentionOptions,
  crossAttention,
} from './ops/attention.ts';
export { dropout } from './ops/dropout.ts';
export { embed, selectRows } from './ops/embed.ts';
export { gelu } from './ops/gelu.ts';
export { joinColumns } from './ops/join-columns.ts';
export { l2Normalize } from './ops/l2-normalize.ts';
export { layerNorm } from './ops/layer-norm.ts';
export { linear } from './ops/linear.ts';
export { replaceRows } from './ops/replace-rows.ts';
export { residual } from './ops/residual.ts';
export { rmsNorm } from './ops/rms-norm.ts';
export { rotaryFrequencies, rotaryTable, rotate } from './ops/rotary.ts';
export { type CrossEntropy, IGNORED_LABEL, softmaxCrossEntropy } from './ops/softmax-cross-entropy.ts';
export { swiGlu } from './ops/swi-glu.ts';
export { AdamW, type AdamWMoments, type AdamWOptions, type TensorRates } from './optimizer/adamw.ts';
export { clipByGlobalNorm } from './optimizer/clip.ts';
export { frozenMatrix, frozenVector } from './parameters/frozen.ts';
export {
  type NamedParameter,
  ParameterLayout,
  type ParameterPart,
  type ParameterTensorSpec,
  type PlacedTensor,
} from './parameters/layout.ts';
export { drainInto, gradientsInto, Parameters } from './parameters/parameters.ts';
export { type RandomStream, random } from './random.ts';
export type { SafetensorsDtype } from './safetensors/dtype.ts';
export {
  readSafetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
  safetensorsPieces,
  type TensorToWrite,
  writeSafetensors,
} from './safetensors/in-memory.ts';
export { bytesOfFloats, floats, isWeightDtype, type WeightDtype } from './safetensors/numbers.ts';
export { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from './tensorflow.ts';
export { floatToHalf, halfToFloat } from './vectors/half-float.ts';
export { type StoredNumbers, storedAsFloats, unshared } from './vectors/stored-numbers.ts';
export { fromBfloat16, fromFloat16, toBfloat16 } from './vectors/vector-unit.ts';
