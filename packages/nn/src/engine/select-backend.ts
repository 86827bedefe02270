/** Which backend computes in this process: chosen once, described, and never silently replaced. */
import { type Backend, TriptychError } from '@triptych/protocol';
import { assertTapeWorks } from '../autodiff/tape.ts';
import { useKernels } from '../kernels/kernels.ts';
import { portable } from '../kernels/portable.ts';
import { startWasm } from '../kernels/wasm/start-wasm.ts';
import { tf } from '../tensorflow.ts';

export interface EngineDescription {
  readonly backend: Backend;
  /** What does the computing, for people: `cpu`, or the name of a GPU. */
  readonly device: string;
  readonly threads: number;
  /** Who multiplies matrices: `onnxruntime`, `assemblyscript`, `tensorflow`, `javascript`. */
  readonly gemm: string;
}

export interface BackendChoice {
  /** `auto`: `tensorflow` where it is installed, else `wasm`. */
  readonly backend?: Backend | 'auto';
  readonly threads?: number;
}

/** Makes the backend ready. Throws BACKEND_UNAVAILABLE when the one that was asked for is not there. */
export async function selectBackend({
  backend = 'auto',
  threads = 1,
}: BackendChoice = {}): Promise<EngineDescription> {
  const description = await starters[backend === 'auto' ? await automatic() : backend](threads);
  assertTapeWorks();
  return description;
}

const starters: Record<Backend, (threads: number) => Promise<EngineDescription>> = {
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
    await activate('cpu');
    useKernels(portable);
    return { backend: 'cpu', device: 'cpu', threads: 1, gemm: 'javascript' };
  },
  async wasm(threads) {
    const started = await startWasm({ threads });
    if (started === undefined) return unavailable('wasm', 'TensorFlow.js could not start it');
    return { backend: 'wasm', device: 'cpu', ...started };
  },
  async tensorflow(threads) {
    if (!(await loadTensorflow())) unavailable('tensorflow', '@tensorflow/tfjs-node is not installed');
    await activate('tensorflow');
    useKernels(portable);
    return { backend: 'tensorflow', device: 'cpu', threads, gemm: 'tensorflow' };
  },
  async webgpu() {
    return unavailable('webgpu', 'this version has no webgpu backend');
  },
};

async function automatic(): Promise<Backend> {
  return (await loadTensorflow()) ? 'tensorflow' : 'wasm';
}

/** The native binding is optional; a name that the type checker does not follow keeps it so. */
async function loadTensorflow(): Promise<boolean> {
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      await import(name);
      return true;
    } catch {}
  }
  return false;
}

async function activate(name: Backend): Promise<void> {
  if (!(await tf.setBackend(name))) unavailable(name, 'TensorFlow.js could not start it');
  await tf.ready();
}

function unavailable(backend: Backend, reason: string): never {
  throw new TriptychError(
    'BACKEND_UNAVAILABLE',
    `backend ${backend}: ${reason}; use wasm, which needs nothing but npm`,
  );
}
