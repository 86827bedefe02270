/**
 * The peak memory of one worker in a run, counted from what exists at once; `bench:memory` compares it with what a process
 * really took (docs/experiments.md). Tensor-free.
 */
import {
  activationBytes,
  backwardBytes,
  type ClipConfig,
  forwardBytes,
  parameterCount,
} from '@triptych/models/catalog';
import type { ResolvedRunSpec } from '@triptych/protocol';
import { recomputes } from './activation-budget.ts';

const FLOAT_BYTES = 4;
const MEBIBYTE = 2 ** 20;

/** The wasm backend's memory ends here, whatever the machine has. */
export const WASM_HEAP_LIMIT_BYTES = 4 * 2 ** 30;
/** A worker without a model: Node twice (gRPC, and the engine with its large nursery), TensorFlow.js, onnxruntime. */
const PROCESS_BYTES = 320 * MEBIBYTE;
/** The wasm module itself, its stack and its scratch memory; and what its heap has from the beginning. */
const HEAP_OWN_BYTES = 8 * MEBIBYTE;
const HEAP_START_BYTES = 16 * MEBIBYTE;
/** Holes between tensors of many sizes: what the heap takes for a byte of tensors at their peak. */
const HEAP_FRAGMENTATION = 1.1;
/** Decoded pictures are kept up to here. */
export const PIXEL_CACHE_BYTES = 512 * MEBIBYTE;
/** Samples that are embedded at once when a model is scored; see evaluation/embedder.ts. */
export const EVALUATION_BLOCK = { images: 32, texts: 64 };

export interface MemoryEstimate {
  /** Tensors of the backend. On wasm this is the heap, which grows to its peak and never shrinks; 4 GiB at most. */
  readonly heapBytes: number;
  /** Everything: what the operating system sees. */
  readonly processBytes: number;
  readonly parts: {
    /** On the heap: the parameters as tensors. */
    readonly weights: number;
    /** On the heap: kept by forward passes for their backward passes, and what a backward pass needs on top. */
    readonly activations: number;
    /** Outside the heap: flat parameters, two moments, the gradient. */
    readonly optimizer: number;
    /** Outside the heap: partial sums of the shard tree, and those of the other ranks. */
    readonly shardSums: number;
    /** Outside the heap: decoded pictures, and batches as patches. */
    readonly images: number;
    readonly process: number;
  };
  /** Whether forward passes run twice because the activations of all shards would not fit the budget. */
  readonly recompute: boolean;
}

export interface MemoryDemand extends Pick<ResolvedRunSpec, 'batch' | 'memory'> {
  readonly trainImages: number;
  /** Workers that share the batch. */
  readonly worldSize: number;
  readonly evaluates: boolean;
  readonly activationBudgetBytes?: number;
}

export function estimateMemory(config: ClipConfig, demand: MemoryDemand): MemoryEstimate {
  const { batch, memory, worldSize, activationBudgetBytes } = demand;
  const vectorBytes = FLOAT_BYTES * parameterCount(config);
  const shards = Math.ceil(batch.shards / worldSize);
  const samples = batch.global / batch.shards;
  const recompute = recomputes(config, { samples: shards * samples, memory }, activationBudgetBytes);
  const otherShards = recompute ? 0 : (shards - 1) * activationBytes(config, { samples, memory });
  const activations = Math.max(
    otherShards + backwardBytes(config, { samples, memory }),
    demand.evaluates ? forwardBytes(config, EVALUATION_BLOCK) : 0,
  );
  const parts = {
    weights: vectorBytes,
    activations,
    optimizer: 4 * vectorBytes,
    shardSums: sumVectors(shards, worldSize) * vectorBytes,
    images: imageBytes(config, { ...demand, samples: shards * samples }),
    process: PROCESS_BYTES,
  };
  const tensors = HEAP_FRAGMENTATION * (parts.weights + parts.activations);
  const heapBytes = Math.max(HEAP_START_BYTES, Math.round(HEAP_OWN_BYTES + tensors));
  const host = parts.optimizer + parts.shardSums + parts.images + parts.process;
  return { heapBytes, processBytes: Math.round(heapBytes + host), parts, recompute };
}

/**
 * Vectors that the sum over `shards` shards in tree order needs at most: a binary counter's digits. The other ranks' partial
 * sums arrive for this rank's segment of the vector alone.
 */
function sumVectors(shards: number, worldSize: number): number {
  const own = Math.max(1, Math.ceil(Math.log2(shards)));
  return own + (own * (worldSize - 1)) / worldSize;
}

function imageBytes(
  { vision_config: { image_size } }: ClipConfig,
  { samples, batch, trainImages }: MemoryDemand & { samples: number },
): number {
  const values = 3 * image_size ** 2;
  const cached = Math.min(PIXEL_CACHE_BYTES, trainImages * values);
  // The next batch is prepared while this one is at work. Logits, probabilities and their gradient are batch x batch.
  return cached + 2 * FLOAT_BYTES * samples * values + 3 * FLOAT_BYTES * batch.global ** 2;
}
