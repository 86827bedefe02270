import { describe, expect, it } from 'vitest';
import { Faults } from './memory/faults.ts';
import { memoryGroups } from './memory/memory-transport.ts';
import { naiveAllReduce, treeSum } from './naive.ts';
import { ShardAccumulator } from './shard-accumulator.ts';
import { shardRange } from './shard-range.ts';
import { awkwardVectors, bitsOf, randomPartition, seededRandom } from './testing/awkward-numbers.ts';

/** The sum on every rank, when the ranks own `ranges`. */
async function allReduced(options: {
  gradients: readonly Float32Array[];
  ranges: readonly { start: number; end: number }[];
  seed?: number;
}): Promise<Float32Array[]> {
  const { gradients, ranges, seed = 1 } = options;
  const length = gradients[0]!.length;
  const groups = memoryGroups(ranges.length, {
    faults: new Faults({ seed, reorder: true }),
    chunkBytes: 100,
  });
  return Promise.all(
    groups.map(async (group, rank) => {
      const sums = new ShardAccumulator({ shards: gradients.length, ...ranges[rank]!, length });
      for (let shard = sums.start; shard < sums.end; shard++) sums.add(shard, gradients[shard]!);
      const out = new Float32Array(length).fill(Number.NaN);
      await group.allReduceShards(sums, out);
      return out;
    }),
  );
}

describe('allReduceShards', () => {
  it('has the bits of the tree sum for every world size, and they are not those of a plain sum', async () => {
    const gradients = awkwardVectors({ seed: 7, count: 13, length: 200 });
    const expected = bitsOf(treeSum(gradients));
    const plain = gradients.reduce((sum, gradient) => sum.map((value, index) => value + gradient[index]!));
    expect(bitsOf(plain)).not.toEqual(expected);
    for (let worldSize = 1; worldSize <= 15; worldSize++) {
      const ranges = Array.from({ length: worldSize }, (_, rank) => shardRange(rank, worldSize, 13));
      for (const out of await allReduced({ gradients, ranges })) expect(bitsOf(out)).toEqual(expected);
    }
  });

  it.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'does so for any division of the shards: seed %i',
    async (seed) => {
      const random = seededRandom(seed);
      const shards = 1 + Math.floor(random() * 20);
      const worldSize = 1 + Math.floor(random() * Math.min(shards, 6));
      const length = Math.floor(random() ** 2 * 400);
      const gradients = awkwardVectors({ seed, count: shards, length });
      const ranges = randomPartition({ random, count: shards, parts: worldSize });
      const expected = bitsOf(treeSum(gradients));
      for (const out of await allReduced({ gradients, ranges, seed })) expect(bitsOf(out)).toEqual(expected);
    },
  );

  it('agrees with the naive all-reduce', async () => {
    const gradients = awkwardVectors({ seed: 3, count: 8, length: 50 });
    const expected = bitsOf(treeSum(gradients));
    const groups = memoryGroups(3);
    const naive = await Promise.all(
      groups.map((group, rank) => {
        const { start, end } = shardRange(rank, 3, 8);
        return naiveAllReduce(group, { shards: 8, length: 50, own: gradients.slice(start, end) });
      }),
    );
    for (const sum of naive) expect(bitsOf(sum)).toEqual(expected);
  });

  it('refuses ranks that disagree about the batch, or leave a shard out', async () => {
    const attempts = [
      {
        ranges: [
          [0, 1],
          [2, 4],
        ],
        remark: /shard 1 is summed by no rank/,
      },
      {
        ranges: [
          [0, 3],
          [2, 4],
        ],
        remark: /shard 2 is summed by no rank or by two/,
      },
      {
        ranges: [
          [0, 2],
          [2, 3],
        ],
        remark: /shard 3 of 4 is summed by no rank/,
      },
    ];
    for (const { ranges, remark } of attempts) {
      const gradients = awkwardVectors({ seed: 1, count: 4, length: 10 });
      const reduced = allReduced({
        gradients,
        ranges: ranges.map(([start, end]) => ({ start: start!, end: end! })),
      });
      await expect(reduced).rejects.toMatchObject({
        code: 'COLLECTIVE_ABORTED',
        message: expect.stringMatching(remark),
      });
    }
  });

  it('refuses sums that lack a shard, on every rank', async () => {
    const groups = memoryGroups(2);
    const settled = await Promise.allSettled(
      groups.map((group, rank) => {
        const sums = new ShardAccumulator({ shards: 2, ...shardRange(rank, 2, 2), length: 3 });
        if (rank === 0) sums.add(0, Float32Array.of(1, 2, 3));
        return group.allReduceShards(sums, new Float32Array(3));
      }),
    );
    for (const { status, reason } of settled as PromiseRejectedResult[]) {
      expect(status).toBe('rejected');
      expect(reason.message).toMatch(/rank 1 broke the group: not every shard of \[1, 2\) was added/);
    }
  });
});
