/**
 * Moving numbers between ranks, with bits that do not depend on how many ranks there are.
 *
 *   const { start, end } = shardRange(rank, worldSize, shards);
 *   const sums = new ShardAccumulator({ shards, start, end, length });
 *   for (let shard = start; shard < end; shard++) sums.add(shard, gradientOf(shard));
 *   await group.allReduceShards(sums, out);          // every rank: the sum over all shards, bit for bit the same
 *
 * Every batch is cut into S shards. Their gradients are summed along one binary tree whose shape depends on S alone
 * (shard-tree.ts): a rank sums the complete subtrees within its range as the shards arrive (shard-accumulator.ts), the
 * all-reduce adds those up in the tree's order, each rank one segment of the vector, and shares the segments out
 * (all-reduce.ts). naive.ts does the same by the book and is the oracle.
 *
 * A group comes from `memoryGroups` (one process, seeded faults), from `PeerHub.connect` (gRPC between hosts), or, in a
 * compute thread, from `connectGroup`, which borrows one that the main thread exposes. All three pass one contract suite.
 * Nothing here knows what the numbers mean, who supervises the ranks, or when a generation ends.
 */
export type { PeerAddress } from './grpc/grpc-transport.ts';
export { type ConnectOptions, PeerHub } from './grpc/peer-hub.ts';
export { Faults } from './memory/faults.ts';
export { type MemoryOptions, memoryGroups } from './memory/memory-transport.ts';
export { naiveAllReduce, treeSum } from './naive.ts';
export type { ProcessGroup, Traffic } from './process-group.ts';
export { ShardAccumulator, type ShardSum, type ShardSums, sharedVector } from './shard-accumulator.ts';
export { type Range, shardRange } from './shard-range.ts';
export { connectGroup } from './thread/connect-group.ts';
export { exposeGroup } from './thread/expose-group.ts';
