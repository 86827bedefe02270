/**
 * The native TensorFlow behind `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`: neither is a dependency, both are
 * used where somebody installed them.
 */
import { createRequire } from 'node:module';
import { useKernels } from '../../kernels/kernels.ts';
import { portable } from '../../kernels/portable/portable.ts';
import { tf } from '../../tensorflow.ts';
import { type EngineDescription, type EngineOptions, unavailable } from '../engine.ts';

const require = createRequire(import.meta.url);

/** The package that is installed, the one for GPUs first. */
export function installedTensorflow(): string | undefined {
  return ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'].find((name) => {
    try {
      require.resolve(name);
      return true;
    } catch {
      return false;
    }
  });
}

/** Loads the native library with this many threads for an operation, and one operation at a time. */
export async function startTensorflow({ threads }: EngineOptions): Promise<EngineDescription> {
  const name = installedTensorflow();
  if (name === undefined)
    return unavailable(
      'tensorflow',
      'neither @tensorflow/tfjs-node-gpu nor @tensorflow/tfjs-node is installed',
    );
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
  process.env['TF_NUM_INTEROP_THREADS'] ??= '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  restoreRemovedFunction();
  try {
    await import(name);
  } catch (cause) {
    return unavailable('tensorflow', `${name} is installed but does not load`, cause);
  }
  if (!(await tf.setBackend('tensorflow')))
    return unavailable('tensorflow', `${name} loads but does not start`);
  const backend = tf.backend() as unknown as {
    readonly isGPUPackage?: boolean;
    readonly isUsingGpuDevice?: boolean;
  };
  if (backend.isGPUPackage === true && backend.isUsingGpuDevice !== true)
    return unavailable('tensorflow', `${name} finds no GPU (driver, CUDA or cuDNN missing?)`);
  useKernels(portable);
  const device = backend.isUsingGpuDevice === true ? 'gpu' : 'cpu';
  return { backend: 'tensorflow', device, threads, gemm: 'tensorflow' };
}

/** Node 23 removed a function that tfjs-node 4.22 calls on every kernel. */
function restoreRemovedFunction(): void {
  const util = require('node:util') as { isNullOrUndefined?: (value: unknown) => boolean };
  util.isNullOrUndefined ??= (value) => value === undefined || value === null;
}
