/** What the benchmark and its rank processes say to each other. */

/** Where a rank listens: its gRPC server and its raw TCP server, both on 127.0.0.1. */
export interface RankAddress {
  readonly grpcPort: number;
  readonly tcpPort: number;
}

export type Order =
  | { readonly kind: 'joinGroup'; readonly rank: number; readonly grpcPorts: readonly number[] }
  | { readonly kind: 'joinMesh'; readonly rank: number; readonly tcpPorts: readonly number[] }
  | {
      readonly kind: 'measure';
      readonly floats: number;
      readonly maxIterations: number;
      /** Fewer iterations, though 3 at least, where so many would take longer. */
      readonly budgetMs: number;
    }
  | { readonly kind: 'leave' };

/** One rank's times for one vector length, an entry for each iteration. */
export interface CellResult {
  readonly allReduceMs: readonly number[];
  readonly tcpMs: readonly number[];
}

/** The answer to an order, or the addresses, which come first and unasked. */
export type Answer = { readonly result: unknown } | { readonly error: string };
