/** What a backend is asked for, and what it says of itself once it runs. */
import { type Backend, TriptychError } from '@triptych/protocol';

export interface EngineDescription {
  readonly backend: Backend;
  /** What does the computing, for people: `cpu`, or the name of a GPU. */
  readonly device: string;
  readonly threads: number;
  /** Who multiplies matrices: `onnxruntime`, `assemblyscript`, `tensorflow`, `webgpu`, `javascript`. */
  readonly gemm: string;
}

/** Who multiplies matrices on the wasm backend. `own` has the same bits on every machine; `auto` is faster. */
export type GemmChoice = 'auto' | 'own';

export interface EngineOptions {
  readonly threads: number;
  readonly gemm: GemmChoice;
  readonly allowSoftwareGpu: boolean;
}

/** Brings one backend up in this process. Throws BACKEND_UNAVAILABLE with the reason and the remedy. */
export type StartBackend = (options: EngineOptions) => Promise<EngineDescription>;

export function unavailable(backend: Backend, reason: string, cause?: unknown): never {
  const message = `backend ${backend}: ${reason}; use wasm, which needs nothing but npm`;
  throw new TriptychError('BACKEND_UNAVAILABLE', message, { cause });
}
