import { elementCount, presets } from '@triptych/models/catalog';
import { expect, test } from 'vitest';
import { estimateMemory, type MemoryDemand, WASM_HEAP_LIMIT_BYTES } from './estimate-memory.ts';

const base = presets.get('clip-vit-base-patch32')!;
const large = presets.get('clip-vit-large-patch14')!;
const demand: MemoryDemand = {
  batch: { global: 64, shards: 4 },
  memory: 'keep',
  method: 'full',
  inputs: {},
  objective: { kind: 'infonce' },
  worldSize: 4,
  trainSamples: 1000,
  evaluates: false,
};

test('the parts make up the whole', () => {
  const { heapBytes, processBytes, parts } = estimateMemory(base, demand);
  const vector = 4 * elementCount(base.architecture.parameters(base.config));
  expect(parts).toMatchObject({ weights: vector, optimizer: 4 * vector });
  // One shard's own sum, and three quarters of a vector from the other ranks.
  expect(parts.shardSums).toBe(1.75 * vector);
  expect(heapBytes).toBeGreaterThan(parts.weights + parts.activations);
  const outside = parts.optimizer + parts.shardSums + parts.images + parts.process;
  expect(processBytes).toBe(Math.round(heapBytes + outside));
});

test('averaged weights are one vector more', () => {
  const plain = estimateMemory(base, demand);
  const averaged = estimateMemory(base, { ...demand, averaging: 0.99 });
  expect(averaged.parts.optimizer - plain.parts.optimizer).toBe(plain.parts.weights);
});

test('one worker keeps all four shards as long as they fit the budget, then one at a time', () => {
  const four = estimateMemory(base, demand);
  const one = estimateMemory(base, { ...demand, worldSize: 1 });
  expect(four.recompute).toBe(false);
  expect(one.recompute).toBe(true);
  expect(one.parts.activations).toBe(four.parts.activations);
  const kept = estimateMemory(base, { ...demand, worldSize: 1, activationBudgetBytes: 8 * 2 ** 30 });
  expect(kept.recompute).toBe(false);
  expect(kept.parts.activations).toBeGreaterThan(3 * one.parts.activations);
  // The sums of four shards in tree order need two vectors at once.
  expect(one.parts.shardSums).toBe(2 * one.parts.weights);
});

test('checkpointed, the shards fit the budget again', () => {
  const { recompute, parts } = estimateMemory(base, { ...demand, worldSize: 1, memory: 'checkpoint' });
  expect(recompute).toBe(false);
  expect(parts.activations).toBeLessThan(estimateMemory(base, demand).parts.activations);
});

test('scoring a model counts where it takes more than training it', () => {
  const small = { ...demand, batch: { global: 4, shards: 4 } };
  const { activations } = estimateMemory(base, small).parts;
  expect(estimateMemory(base, { ...small, evaluates: true }).parts.activations).toBeGreaterThan(activations);
});

test('ViT-L/14 fits the wasm heap with small shards alone', () => {
  const heap = (samples: number, memory: MemoryDemand['memory']) =>
    estimateMemory(large, { ...demand, memory, batch: { global: 4 * samples, shards: 4 } }).heapBytes;
  expect(heap(8, 'keep')).toBeGreaterThan(WASM_HEAP_LIMIT_BYTES);
  expect(heap(8, 'checkpoint')).toBeLessThan(WASM_HEAP_LIMIT_BYTES);
});
