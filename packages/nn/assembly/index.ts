// The kernels of the wasm backend and of src/vectors. The former share the memory of TensorFlow.js' own wasm module, so
// they must not have data of their own: no strings, no arrays, no assertions (scripts/compile-kernels.mjs checks it).
export { adamw } from './adamw';
export { attention, attentionBlock, attentionGradient } from './attention';
export { packBfloat16, unpackBfloat16 } from './bfloat16';
export { crossEntropy, crossEntropyGradient } from './cross-entropy';
export { unpackFloat16 } from './float16';
export { gelu, geluGradient } from './gelu';
export { gemm, gemmScratchBytes } from './gemm';
export { dots } from './gemv';
export { gatherHeads, scatterHeads, softmaxGradientRows, softmaxRows } from './heads';
export { layerNorm, layerNormGradient } from './layer-norm';
export { rmsNorm, rmsNormGradient } from './rms-norm';
export { rotate } from './rotary';
export { addBias, addScaled, columnSum, copyRows, gatherRows, scatterRows } from './rows';
export { swiGlu, swiGluGradient } from './swi-glu';
