/** Ranks compute alone what must be the same everywhere; here they compare it, so that a difference is loud. */
import type { ProcessGroup } from '@triptych/collective';
import { TriptychError } from '@triptych/protocol';
import { sha256Of } from '@triptych/storage';

/** @throws TriptychError INTERNAL on every rank, naming the ranks that differ from rank 0 and in what. */
export async function assertSameOnAllRanks(
  group: ProcessGroup,
  parts: Readonly<Record<string, string | Uint8Array | Float32Array>>,
): Promise<void> {
  const own = Object.values(parts).map((part) => Buffer.from(sha256Of(viewOf(part)), 'hex'));
  const digests = (await group.allGather(Buffer.concat(own))).map((bytes) => Buffer.from(bytes));
  const differences = Object.keys(parts).flatMap((name, i) => {
    const of = (rank: number) => digests[rank]!.subarray(i * 32, (i + 1) * 32);
    const ranks = digests.flatMap((_, rank) => (of(rank).equals(of(0)) ? [] : [rank]));
    return ranks.length > 0 ? [`${name} on rank ${ranks.join(', ')}`] : [];
  });
  if (differences.length > 0)
    throw new TriptychError(
      'INTERNAL',
      `The ranks do not agree with rank 0: ${differences.join('; ')}. Are all workers of the same version?`,
    );
}

function viewOf(part: string | Uint8Array | Float32Array): Uint8Array {
  if (typeof part === 'string') return new TextEncoder().encode(part);
  return part instanceof Float32Array ? new Uint8Array(part.buffer, part.byteOffset, part.byteLength) : part;
}
