/** Equally long byte strings of all shards, gathered from the ranks that have them. */
import type { ProcessGroup } from '@triptych/collective';

/** Every rank gives its shards in order; ranks hold contiguous ranges, so the result is in shard order. */
export async function gatherShards(
  group: ProcessGroup,
  local: readonly Uint8Array[],
  shards: number,
): Promise<Uint8Array[]> {
  const all = Buffer.concat(await group.allGather(Buffer.concat(local)));
  const each = all.length / shards;
  return Array.from({ length: shards }, (_, shard) => all.subarray(shard * each, (shard + 1) * each));
}
