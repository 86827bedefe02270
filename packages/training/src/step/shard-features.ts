/** Features of all shards, gathered from the ranks that computed them. */
import type { ProcessGroup } from '@triptych/collective';

/** One shard's unit rows [n, width]. */
export interface ShardFeatures {
  readonly images: Float32Array;
  readonly texts: Float32Array;
}

/** Every rank gives its shards in order; ranks hold contiguous ranges, so the gathered rows are in shard order. */
export async function gatherFeatures(
  group: ProcessGroup,
  local: readonly ShardFeatures[],
): Promise<ShardFeatures> {
  const gather = async (vectors: readonly Float32Array[]) =>
    concatenate((await group.allGather(bytesOf(concatenate(vectors)))).map(floatsOf));
  return {
    images: await gather(local.map(({ images }) => images)),
    texts: await gather(local.map(({ texts }) => texts)),
  };
}

function concatenate(vectors: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(vectors.reduce((length, vector) => length + vector.length, 0));
  let at = 0;
  for (const vector of vectors) {
    all.set(vector, at);
    at += vector.length;
  }
  return all;
}

const bytesOf = (vector: Float32Array) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);

/** A copy: what came over the wire need not be aligned. */
const floatsOf = (bytes: Uint8Array) => new Float32Array(new Uint8Array(bytes).buffer);
