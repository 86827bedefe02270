/** Which backend computes in this process: chosen once, described, and never silently replaced. */
import { type Backend, TriptychError } from '@triptych/protocol';
import { assertTapeWorks } from '../autodiff/tape.ts';
import { useKernels } from '../kernels/kernels.ts';
import { portable } from '../kernels/portable.ts';
import { startWasm } from '../kernels/wasm/start-wasm.ts';
import { tf } from '../tensorflow.ts';
import { installedTensorflow, startTensorflow } from './tensorflow-native.ts';

export interface EngineDescription {
  readonly backend: Backend;
  /** What does the computing, for people: `cpu`, or the name of a GPU. */
  readonly device: string;
  readonly threads: number;
  /** Who multiplies matrices: `onnxruntime`, `assemblyscript`, `tensorflow`, `javascript`. */
  readonly gemm: string;
}

export interface BackendChoice {
  /** `auto`: `tensorflow` where its native package is installed, else `wasm`. */
  readonly backend?: Backend | 'auto';
  readonly threads?: number;
}

/**
 * Makes the backend ready. Throws BACKEND_UNAVAILABLE when the one that was asked for is not there, INVALID_INPUT for
 * a thread count that is none.
 */
export async function selectBackend({
  backend = 'auto',
  threads = 1,
}: BackendChoice = {}): Promise<EngineDescription> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new TriptychError('INVALID_INPUT', `threads is ${threads}; use a whole number of at least 1`);
  }
  const chosen = backend === 'auto' ? automatic() : backend;
  const description = await starters[chosen](threads);
  assertTapeWorks();
  return description;
}

const starters: Record<Backend, (threads: number) => Promise<EngineDescription>> = {
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
    if (!(await tf.setBackend('cpu'))) unavailable('cpu', 'TensorFlow.js could not start it');
    useKernels(portable);
    return { backend: 'cpu', device: 'cpu', threads: 1, gemm: 'javascript' };
  },
  async wasm(threads) {
    const started = await startWasm({ threads });
    if (started === undefined) return unavailable('wasm', 'TensorFlow.js could not start it');
    return { backend: 'wasm', device: 'cpu', ...started };
  },
  async tensorflow(threads) {
    const started = await startTensorflow(threads);
    if ('failure' in started) return unavailable('tensorflow', started.failure, started.cause);
    useKernels(portable);
    return { backend: 'tensorflow', device: started.device, threads, gemm: 'tensorflow' };
  },
  async webgpu() {
    return unavailable('webgpu', 'this version has no webgpu backend');
  },
};

const automatic = (): Backend => (installedTensorflow() === undefined ? 'wasm' : 'tensorflow');

function unavailable(backend: Backend, reason: string, cause?: unknown): never {
  const message = `backend ${backend}: ${reason}; use wasm, which needs nothing but npm`;
  throw new TriptychError('BACKEND_UNAVAILABLE', message, { cause });
}
