/** What a probe of a backend is asked, and what its process reports before it ends. */
import type { ErrorCode } from '@triptych/protocol';
import type { BackendChoice, EngineDescription } from '../engine.ts';

export interface ProbeRequest {
  readonly choice: BackendChoice;
  /** How long to multiply matrices for the figure; 0: only once, to check the product. */
  readonly seconds: number;
}

export type ProbeReport =
  | {
      readonly kind: 'works';
      readonly description: EngineDescription;
      /** Of matrix products; undefined where nobody asked. */
      readonly gflops?: number;
    }
  | { readonly kind: 'unavailable'; readonly code: ErrorCode; readonly message: string };
