import { describe, expect, it } from 'vitest';
import { treeSum } from './naive.ts';
import { ShardAccumulator } from './shard-accumulator.ts';
import { shardRange } from './shard-range.ts';
import { coverOf, leftSiblingStart, splitOf } from './shard-tree.ts';
import { awkwardVectors, bitsOf } from './testing/awkward-numbers.ts';

describe('shard tree', () => {
  it('splits at the largest power of two below the size', () => {
    const splits = [2, 3, 4, 5, 8, 9, 1000].map((end) => splitOf({ start: 0, end }));
    expect(splits).toEqual([1, 2, 2, 4, 4, 8, 512]);
    expect(splitOf({ start: 4, end: 7 })).toBe(6);
  });

  it('covers a range with its maximal complete subtrees', () => {
    expect(coverOf({ start: 1, end: 7 }, 8)).toEqual([
      { start: 1, end: 2 },
      { start: 2, end: 4 },
      { start: 4, end: 6 },
      { start: 6, end: 7 },
    ]);
    // 7 shards: 0-3, then 4-5 and 6 under one node.
    expect(coverOf({ start: 4, end: 7 }, 7)).toEqual([{ start: 4, end: 7 }]);
    expect(coverOf({ start: 3, end: 3 }, 7)).toEqual([]);
    expect(coverOf({ start: 0, end: 0 }, 0)).toEqual([]);
  });

  it('names the left sibling of right children alone', () => {
    expect(leftSiblingStart({ start: 4, end: 7 }, 7)).toBe(0);
    expect(leftSiblingStart({ start: 6, end: 7 }, 7)).toBe(4);
    expect(leftSiblingStart({ start: 4, end: 6 }, 7)).toBeUndefined();
    expect(leftSiblingStart({ start: 0, end: 7 }, 7)).toBeUndefined();
  });
});

describe('shardRange', () => {
  it('divides 10 shards among 4 ranks as 2, 3, 2, 3', () => {
    const ranges = [0, 1, 2, 3].map((rank) => shardRange(rank, 4, 10));
    expect(ranges.map(({ start, end }) => [start, end])).toEqual([
      [0, 2],
      [2, 5],
      [5, 7],
      [7, 10],
    ]);
  });
});

describe('ShardAccumulator', () => {
  it('holds the sums of the cover nodes', () => {
    const sums = new ShardAccumulator({ shards: 8, start: 1, end: 6, length: 2 });
    for (let shard = 1; shard < 6; shard++) sums.add(shard, Float32Array.of(shard, 10 * shard));
    expect(sums.complete).toBe(true);
    expect(sums.nodes.map(({ start, end, sum }) => [start, end, ...sum])).toEqual([
      [1, 2, 1, 10],
      [2, 4, 5, 50],
      [4, 6, 9, 90],
    ]);
  });

  it.each([1, 2, 3, 5, 8, 13, 31])('sums all of %i shards to the bits of the tree sum', (shards) => {
    const gradients = awkwardVectors({ seed: shards, count: shards, length: 30 });
    const sums = new ShardAccumulator({ shards, start: 0, end: shards, length: 30 });
    for (const [shard, gradient] of gradients.entries()) sums.add(shard, gradient);
    expect(sums.nodes.length).toBe(1);
    expect(bitsOf(sums.nodes[0]!.sum)).toEqual(bitsOf(treeSum(gradients)));
  });

  it('keeps O(log S) vectors and uses them again after a reset', () => {
    const shards = 64;
    const sums = new ShardAccumulator({ shards, start: 0, end: shards, length: 1 });
    const buffers = new Set<ArrayBufferLike>();
    for (let step = 0; step < 3; step++) {
      sums.reset();
      for (let shard = 0; shard < shards; shard++) {
        sums.add(shard, Float32Array.of(1));
        for (const node of sums.nodes) buffers.add(node.sum.buffer);
      }
      expect([...sums.nodes[0]!.sum]).toEqual([shards]);
    }
    expect(buffers.size).toBeLessThanOrEqual(Math.log2(shards));
    for (const buffer of buffers) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('leaves the gradient alone and does not keep it', () => {
    const sums = new ShardAccumulator({ shards: 2, start: 0, end: 2, length: 1 });
    const gradient = Float32Array.of(5);
    sums.add(0, gradient);
    gradient[0] = 7;
    sums.add(1, gradient);
    expect([gradient[0], sums.nodes[0]!.sum[0]]).toEqual([7, 12]);
  });

  it('refuses shards out of order, beyond its range, or of another length', () => {
    const sums = new ShardAccumulator({ shards: 4, start: 1, end: 2, length: 2 });
    expect(() => sums.add(2, new Float32Array(2))).toThrow(/shard 2 came where 1 was expected/);
    expect(() => sums.add(1, new Float32Array(3))).toThrow(/3 floats, expected 2/);
    sums.add(1, new Float32Array(2));
    expect(() => sums.add(2, new Float32Array(2))).toThrow(/shard 2/);
  });
});
