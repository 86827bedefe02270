/** What a backend is asked for, and what it says of itself once it runs. */
import { type Backend, TriptychError } from '@triptych/protocol';

/** Who multiplies matrices on the wasm backend. `own` has the same bits on every machine; `auto` is faster. */
export type GemmChoice = 'auto' | 'own';

/** What a backend may compute on. `gpu`: it is an error where there is none; `auto`: what the backend finds. */
export type DeviceChoice = 'auto' | 'cpu' | 'gpu';

/** What the factors of matrix products are rounded to. Weights, sums and everything else are float32 in both. */
export type Precision = 'float32' | 'bf16';

export interface EngineDescription {
  readonly backend: Backend;
  /** What does the computing, for people: `cpu`, or the name of a GPU. */
  readonly device: string;
  readonly threads: number;
  /** Who multiplies matrices: `onnxruntime`, `assemblyscript`, `tensorflow`, `webgpu`, `javascript`. */
  readonly gemm: string;
  readonly precision: Precision;
  /** Of the libraries behind the backend, by name; for people. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Why this is not the backend that `auto` would rather have taken. */
  readonly fallback?: string;
}

export interface BackendChoice {
  /** `auto`: `tensorflow` where its native package is installed and loads, else `wasm`. */
  readonly backend?: Backend | 'auto';
  readonly threads?: number;
  readonly gemm?: GemmChoice;
  readonly device?: DeviceChoice;
  readonly precision?: Precision;
  /** Lets `webgpu` compute on an adapter that is no GPU (SwiftShader, llvmpipe), as tests do; otherwise that is an error. */
  readonly allowSoftwareGpu?: boolean;
  /** Where `triptych engine install` was told to install; `.triptych/engine` in the checkout by default. */
  readonly engineFolder?: string;
}

/** A {@link BackendChoice} with every default put in, for a backend that is chosen. */
export type EngineOptions = Required<Omit<BackendChoice, 'backend'>>;

/** Brings one backend up in this process. Throws BACKEND_UNAVAILABLE with the reason and the remedy. */
export type StartBackend = (options: EngineOptions) => Promise<EngineDescription>;

export interface Unavailable {
  /** What to do about it; by default, to use wasm. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

export function unavailable(
  backend: Backend,
  reason: string,
  { remedy = 'use wasm, which needs nothing but npm', cause }: Unavailable = {},
): never {
  throw new TriptychError('BACKEND_UNAVAILABLE', `backend ${backend}: ${reason}; ${remedy}`, { cause });
}
