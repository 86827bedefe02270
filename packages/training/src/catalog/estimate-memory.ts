/**
 * The peak memory of one worker in a run, counted from what exists at once; `bench:memory` compares it with what a process
 * really took (docs/experiments.md). Tensor-free.
 */
import { elementCount } from '@triptych/models/catalog';
import type { ResolvedRunSpec } from '@triptych/protocol';
import { objectives } from '../objectives/registry.ts';
import { type ModelToFit, recomputes } from './activation-budget.ts';
import { partition } from './trained-tensors.ts';

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

export interface MemoryEstimate {
  /** Tensors of the backend. On wasm this is the heap, which grows to its peak and never shrinks; 4 GiB at most. */
  readonly heapBytes: number;
  /** Everything: what the operating system sees. */
  readonly processBytes: number;
  readonly parts: {
    /** On the heap: the trained parameters as tensors. */
    readonly weights: number;
    /** Outside the heap: parameters that are not trained. */
    readonly frozen: number;
    /** On the heap: kept by forward passes for their backward passes, and what a backward pass needs on top. */
    readonly activations: number;
    /** Outside the heap, of what is trained: flat parameters, two moments, the gradient; the moving average, what a sweep keeps. */
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

export interface MemoryDemand
  extends Pick<
    ResolvedRunSpec,
    'batch' | 'memory' | 'method' | 'inputs' | 'objective' | 'unlock' | 'adapter' | 'averaging'
  > {
  readonly trainSamples: number;
  /** Workers that share the batch. */
  readonly worldSize: number;
  readonly evaluates: boolean;
  /** Whether weights between the first and the last are scored: both are kept beside them then. */
  readonly sweeps?: boolean;
  /** Whether the weights that were best are kept beside those that are trained. */
  readonly keepsBest?: boolean;
  readonly activationBudgetBytes?: number;
}

export function estimateMemory(model: ModelToFit, demand: MemoryDemand): MemoryEstimate {
  const { architecture, config } = model;
  const { batch, worldSize, activationBudgetBytes } = demand;
  const { trained, frozen } = partition(model, demand);
  const vectorBytes = FLOAT_BYTES * elementCount(trained);
  const shards = Math.ceil(batch.shards / worldSize);
  const samples = batch.global / batch.shards;
  const together = objectives[demand.objective.kind]?.outputs === 'features';
  const recompute =
    together && recomputes(model, { ...demand, samples: shards * samples }, activationBudgetBytes);
  const shard = architecture.activations(config, { ...demand, samples });
  const otherShards = recompute || !together ? 0 : (shards - 1) * shard.kept;
  const activations = Math.max(otherShards + shard.backward, demand.evaluates ? shard.forward : 0);
  const { imageSize } = architecture.sizes(config);
  const best = demand.keepsBest ? (demand.averaging === undefined ? 1 : 2) * vectorBytes : 0;
  const parts = {
    weights: vectorBytes,
    frozen: FLOAT_BYTES * elementCount(frozen),
    activations,
    optimizer: (4 + (demand.averaging === undefined ? 0 : 1) + (demand.sweeps ? 2 : 0)) * vectorBytes + best,
    shardSums: sumVectors(shards, worldSize) * vectorBytes,
    images: imageBytes(imageSize, { ...demand, samples: shards * samples, together }),
    process: PROCESS_BYTES,
  };
  const tensors = HEAP_FRAGMENTATION * (parts.weights + parts.activations);
  const heapBytes = Math.max(HEAP_START_BYTES, Math.round(HEAP_OWN_BYTES + tensors));
  const host = parts.frozen + parts.optimizer + parts.shardSums + parts.images + parts.process;
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
  imageSize: number,
  { samples, batch, trainSamples, together }: MemoryDemand & { samples: number; together: boolean },
): number {
  const values = 3 * imageSize ** 2;
  const cached = Math.min(PIXEL_CACHE_BYTES, trainSamples * values);
  // Logits of all pairs, probabilities and their gradient are batch x batch.
  const pairs = together ? 3 * FLOAT_BYTES * batch.global ** 2 : 0;
  // The next batch is prepared while this one is at work.
  return cached + 2 * FLOAT_BYTES * samples * values + pairs;
}
