/**
 * The all-reduce as one would explain it: everyone sends everyone every shard's raw vector, and each rank sums them by
 * recursion over the tree. It needs S vectors of memory; it is kept as the oracle of the fast one.
 */
import type { ProcessGroup } from './process-group.ts';
import { shardRange } from './shard-range.ts';
import { splitOf } from './shard-tree.ts';

/** The sum of the shards' vectors along the fixed tree; written without any of the fast path's code but the split. */
export function treeSum(gradients: readonly Float32Array[]): Float32Array {
  if (gradients.length === 1) return Float32Array.from(gradients[0]!);
  const split = splitOf({ start: 0, end: gradients.length });
  const left = treeSum(gradients.slice(0, split));
  const right = treeSum(gradients.slice(split));
  return left.map((value, index) => Math.fround(value + right[index]!));
}

/** `own` are the vectors of the shards that `shardRange` gives this rank, in order; all of `length` floats. */
export async function naiveAllReduce(
  group: ProcessGroup,
  options: { shards: number; length: number; own: readonly Float32Array[] },
): Promise<Float32Array> {
  const { shards, length, own } = options;
  const packed = new Float32Array(own.length * length);
  for (const [index, gradient] of own.entries()) packed.set(gradient, index * length);
  const gathered = await group.allGather(new Uint8Array(packed.buffer));
  const gradients = gathered.flatMap((bytes, rank) => {
    const { start, end } = shardRange(rank, group.worldSize, shards);
    const floats = new Float32Array(bytes.slice().buffer);
    return Array.from({ length: end - start }, (_, index) =>
      floats.subarray(index * length, (index + 1) * length),
    );
  });
  return treeSum(gradients);
}
