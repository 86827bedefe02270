import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchPlan } from './batch-plan.ts';

const plans = fc
  .record({
    shards: fc.integer({ min: 1, max: 6 }),
    shardSize: fc.integer({ min: 1, max: 5 }),
    batches: fc.integer({ min: 1, max: 4 }),
    rest: fc.nat(29),
    seed: fc.nat(2 ** 32 - 1),
  })
  .map(({ shards, shardSize, batches, rest, seed }) => {
    const globalBatch = shards * shardSize;
    const count = globalBatch * batches + (rest % globalBatch);
    // Not 0..n-1: a split's indices lie anywhere in the manifest.
    const indices = Int32Array.from({ length: count }, (_, i) => 1000 + 3 * i);
    return { indices, seed, globalBatch, shards };
  });

const everyShard = (options: Parameters<typeof batchPlan>[0], epoch: number): number[][] => {
  const plan = batchPlan(options);
  return Array.from({ length: plan.stepsPerEpoch }, (_, i) =>
    Array.from({ length: options.shards }, (_, shard) => [
      ...plan.shard(epoch * plan.stepsPerEpoch + i, shard).indices,
    ]).flat(),
  );
};

test('ledger: an epoch uses every sample exactly once, but for a remainder smaller than a batch', () => {
  fc.assert(
    fc.property(plans, fc.nat(5), (options, epoch) => {
      const used = everyShard(options, epoch).flat();
      expect(new Set(used).size).toBe(used.length);
      expect(used.every((index) => options.indices.includes(index))).toBe(true);
      expect(options.indices.length - used.length).toBe(options.indices.length % options.globalBatch);
    }),
  );
});

test('the number of shards only cuts a batch; its samples and their order stay', () => {
  fc.assert(
    fc.property(plans, fc.nat(3), (options, epoch) => {
      expect(everyShard(options, epoch)).toEqual(everyShard({ ...options, shards: 1 }, epoch));
    }),
  );
});

test('the plan of a seed is for ever: weights of old runs must come out again', () => {
  const indices = Int32Array.from({ length: 10 }, (_, i) => i);
  const plan = batchPlan({ indices, seed: 42, globalBatch: 4, shards: 2 });
  expect([0, 1, 2].map((step) => [...plan.shard(step, 0).indices, ...plan.shard(step, 1).indices])).toEqual([
    [2, 5, 3, 0],
    [8, 4, 7, 6],
    [4, 1, 2, 0],
  ]);
  expect([0, 2, 4, 6, 8].map((step) => plan.captionOf(step, 7, 5))).toEqual([4, 2, 0, 3, 1]);
});

test('steps may be asked for in any order', () => {
  const plan = batchPlan({
    indices: Int32Array.from({ length: 20 }, (_, i) => i),
    seed: 3,
    globalBatch: 8,
    shards: 2,
  });
  const early = [...plan.shard(1, 0).indices];
  expect(plan.shard(7, 1).epoch).toBe(3);
  expect([...plan.shard(1, 0).indices]).toEqual(early);
});

test('epochs and seeds differ, and the remainder with them', () => {
  const options = {
    indices: Int32Array.from({ length: 103 }, (_, i) => i),
    seed: 1,
    globalBatch: 10,
    shards: 5,
  };
  const [first, second, other] = [
    everyShard(options, 0),
    everyShard(options, 1),
    everyShard({ ...options, seed: 2 }, 0),
  ];
  expect(first).not.toEqual(second);
  expect(first).not.toEqual(other);
  const dropped = new Set(
    Array.from({ length: 30 }, (_, epoch) => {
      const used = new Set(everyShard(options, epoch).flat());
      return [...options.indices].filter((index) => !used.has(index));
    }).flat(),
  );
  // 30 epochs drop 3 of 103 each: were it always the same ones, there would be 3.
  expect(dropped.size).toBeGreaterThan(40);
});

test('captions: over as many epochs as there are captions, each is used once', () => {
  const plan = batchPlan({
    indices: Int32Array.from({ length: 8 }, (_, i) => i),
    seed: 9,
    globalBatch: 4,
    shards: 1,
  });
  for (const index of [0, 5]) {
    const used = [5, 6, 7, 8, 9].map((epoch) => plan.captionOf(epoch * plan.stepsPerEpoch + 1, index, 5));
    expect(used.toSorted()).toEqual([0, 1, 2, 3, 4]);
  }
  expect(plan.captionOf(123, 4, 1)).toBe(0);
});

test('the order is uniform: each sample leads about equally often', () => {
  const plan = batchPlan({
    indices: Int32Array.from({ length: 4 }, (_, i) => i),
    seed: 0,
    globalBatch: 4,
    shards: 1,
  });
  const leads = [0, 0, 0, 0];
  for (let step = 0; step < 4000; step += 1) leads[plan.shard(step, 0).indices[0]!]! += 1;
  // Binomial(4000, 1/4): standard deviation 27; five of them are 137.
  for (const count of leads) expect(Math.abs(count - 1000)).toBeLessThan(137);
});

test('what cannot be planned is a bug of the caller', () => {
  const indices = Int32Array.of(1, 2, 3, 4);
  expect(() => batchPlan({ indices, seed: 0, globalBatch: 4, shards: 3 })).toThrow('not divisible');
  expect(() => batchPlan({ indices, seed: 0, globalBatch: 5, shards: 5 })).toThrow('do not fill');
  expect(() => batchPlan({ indices: Int32Array.of(1, 1), seed: 0, globalBatch: 2, shards: 1 })).toThrow(
    'repeat',
  );
});
