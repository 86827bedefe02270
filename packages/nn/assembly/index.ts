// The kernels of the wasm backend. They share the memory of TensorFlow.js' own wasm module, so they must not have
// data of their own: no strings, no arrays, no assertions (scripts/compile-kernels.mjs checks it).
export { attention, attentionGradient } from './attention';
export { gelu, geluGradient } from './gelu';
export { gemm, gemmScratchBytes } from './gemm';
export { layerNorm, layerNormGradient } from './layer-norm';
export { addBias, columnSum, gatherRows, scatterRows } from './rows';
