/** What crosses the port between the compute thread and the main thread. Vectors lie in shared memory; none is copied. */
import { isErrorCode, TriptychError } from '@triptych/protocol';
import type { Traffic } from '../process-group.ts';
import type { ShardSum } from '../shard-accumulator.ts';

export type Call =
  | {
      readonly kind: 'allReduceShards';
      readonly sums: {
        shards: number;
        start: number;
        end: number;
        length: number;
        nodes: readonly ShardSum[];
      };
      readonly out: Float32Array;
    }
  | { readonly kind: 'allGather'; readonly bytes: Uint8Array }
  | { readonly kind: 'broadcast'; readonly bytes: Uint8Array | undefined; readonly root: number }
  | { readonly kind: 'barrier' }
  | { readonly kind: 'close' };

export type Request = { readonly id: number; readonly call: Call } | { readonly abort: PlainError };

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: PlainError;
  readonly traffic: Traffic;
}

/** An error as plain fields: structured clone would strip the class and the code. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
}

export function toPlain(error: unknown): PlainError {
  const message = error instanceof Error ? error.message : String(error);
  return { code: error instanceof TriptychError ? error.code : 'COLLECTIVE_ABORTED', message };
}

export function fromPlain({ code, message }: PlainError): TriptychError {
  return new TriptychError(isErrorCode(code) ? code : 'COLLECTIVE_ABORTED', message);
}
