/** Which backend computes in this process: chosen once, described, and never silently replaced. */
import { type Backend, TriptychError } from '@triptych/protocol';
import { assertTapeWorks } from '../autodiff/tape.ts';
import { startCpu } from './backends/cpu.ts';
import { installedTensorflow, startTensorflow } from './backends/tensorflow.ts';
import { startWasm } from './backends/wasm.ts';
import { startWebgpu } from './backends/webgpu.ts';
import type { EngineDescription, GemmChoice, StartBackend } from './engine.ts';

export interface BackendChoice {
  /** `auto`: `tensorflow` where its native package is installed, else `wasm`. */
  readonly backend?: Backend | 'auto';
  readonly threads?: number;
  readonly gemm?: GemmChoice;
  /** Lets `webgpu` compute on an adapter that is no GPU (SwiftShader, llvmpipe), as tests do; otherwise that is an error. */
  readonly allowSoftwareGpu?: boolean;
}

/**
 * Makes the backend ready. Throws BACKEND_UNAVAILABLE when the one that was asked for is not there, INVALID_INPUT for
 * a thread count that is none.
 */
export async function selectBackend({
  backend = 'auto',
  threads = 1,
  gemm = 'auto',
  allowSoftwareGpu = false,
}: BackendChoice = {}): Promise<EngineDescription> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new TriptychError('INVALID_INPUT', `threads is ${threads}; use a whole number of at least 1`);
  }
  const chosen = backend === 'auto' ? automatic() : backend;
  const description = await backends[chosen]({ threads, gemm, allowSoftwareGpu });
  await assertTapeWorks();
  return description;
}

const backends: Record<Backend, StartBackend> = {
  cpu: startCpu,
  wasm: startWasm,
  tensorflow: startTensorflow,
  webgpu: startWebgpu,
};

const automatic = (): Backend => (installedTensorflow() === undefined ? 'wasm' : 'tensorflow');
