export { Faults } from './memory/faults.ts';
export { type MemoryOptions, memoryGroups } from './memory/memory-transport.ts';
export { naiveAllReduce, treeSum } from './naive.ts';
export type { ProcessGroup, Traffic } from './process-group.ts';
export { ShardAccumulator, type ShardSum, type ShardSums, sharedVector } from './shard-accumulator.ts';
export { type Range, shardRange } from './shard-range.ts';
