/** Architectures: configuration, forward functions, Hugging Face weight names. */
export * from './catalog/index.ts';
export { Clip } from './clip/clip.ts';
export { initClip } from './clip/initial-weights.ts';
export { clipLayout } from './clip/layout.ts';
export { clipSafetensors, clipSafetensorsPieces, loadClipWeights } from './clip/weight-file.ts';
export { type BlockOptions, type DecoderPass, decoderBlock } from './llama/decoder-block.ts';
export { initLlama } from './llama/initial-weights.ts';
export { llamaLayout } from './llama/layout.ts';
export { type DecodeOptions, Llama, type LlamaOptions } from './llama/llama.ts';
export { LlamaDecoder, type LlamaPrompts } from './llama/llama-decoder.ts';
export { type Sequences, selfAttention } from './llama/sequences.ts';
export { llamaSafetensors, llamaSafetensorsPieces, loadLlamaWeights } from './llama/weight-file.ts';
export * from './model.ts';
export { ModelWeights, type NamedTensor } from './model-weights.ts';
export { type Weights, weightsOf } from './transformer/weights.ts';
export { type PatchGrid, patchify } from './vit/patchify.ts';
export { floatsOf } from './weights/stored-tensor.ts';
export type { StoredTensor, WeightSource } from './weights/weight-source.ts';
