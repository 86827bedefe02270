/** Which backend computes in this process: chosen once, described, and never silently replaced. */
import { type Backend, TriptychError } from '@triptych/protocol';
import { assertTapeWorks } from '../autodiff/tape.ts';
import { startCpu } from './backends/cpu.ts';
import { loadTensorflow, startTensorflow } from './backends/tensorflow.ts';
import { startWasm } from './backends/wasm.ts';
import { startWebgpu } from './backends/webgpu.ts';
import {
  type BackendChoice,
  type EngineDescription,
  type EngineOptions,
  type StartBackend,
  unavailable,
} from './engine.ts';
import { DEFAULT_ENGINE_FOLDER, installedTensorflow } from './tensorflow-package.ts';

/**
 * Makes the backend ready. Throws BACKEND_UNAVAILABLE when the backend or the device that was asked for is not there,
 * INVALID_INPUT for a thread count that is none and for a precision that the backend does not have.
 */
export async function selectBackend({
  backend = 'auto',
  threads = 1,
  gemm = 'auto',
  allowSoftwareGpu = false,
  device = 'auto',
  precision = 'float32',
  engineFolder = DEFAULT_ENGINE_FOLDER,
}: BackendChoice = {}): Promise<EngineDescription> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new TriptychError('INVALID_INPUT', `threads is ${threads}; use a whole number of at least 1`);
  }
  const options = { threads, gemm, allowSoftwareGpu, device, precision, engineFolder };
  const { chosen, fallback } = backend === 'auto' ? automatic(options) : { chosen: backend };
  assertSuits(chosen, options);
  const description = await backends[chosen](options);
  await assertTapeWorks();
  return fallback === undefined ? description : { ...description, fallback };
}

const backends: Record<Backend, StartBackend> = {
  cpu: startCpu,
  wasm: startWasm,
  tensorflow: startTensorflow,
  webgpu: startWebgpu,
};

interface Automatic {
  readonly chosen: Backend;
  readonly fallback?: string;
}

/**
 * `tensorflow` where it is installed, `wasm` otherwise. One that is installed but does not load is passed over, unless
 * something was asked for that only it has.
 */
function automatic(options: EngineOptions): Automatic {
  if (options.device === 'gpu' || options.precision === 'bf16') return { chosen: 'tensorflow' };
  if (installedTensorflow(options.engineFolder) === undefined) return { chosen: 'wasm' };
  try {
    loadTensorflow(options);
    return { chosen: 'tensorflow' };
  } catch (error) {
    return { chosen: 'wasm', fallback: (error as Error).message };
  }
}

function assertSuits(backend: Backend, { device, precision }: EngineOptions): void {
  if (precision === 'bf16' && backend !== 'tensorflow')
    throw new TriptychError(
      'INVALID_INPUT',
      `precision bf16 is for the backend tensorflow, and the backend is ${backend}; use float32, or install tensorflow with \`triptych engine install\``,
    );
  if (device === 'gpu' && (backend === 'wasm' || backend === 'cpu'))
    unavailable(backend, 'it computes on the CPU, and a GPU was asked for', {
      remedy: 'use the backend tensorflow or webgpu, or set the device to auto',
    });
}
