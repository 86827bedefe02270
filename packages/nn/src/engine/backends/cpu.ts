/** The plain JavaScript backend of TensorFlow.js: slow, runs everywhere, and is the oracle of the tests. */
import { useKernels } from '../../kernels/kernels.ts';
import { portable } from '../../kernels/portable/portable.ts';
import { tf } from '../../tensorflow.ts';
import { type EngineDescription, unavailable } from '../engine.ts';

export async function startCpu(): Promise<EngineDescription> {
  await import('@tensorflow/tfjs-backend-cpu');
  if (!(await tf.setBackend('cpu'))) return unavailable('cpu', 'TensorFlow.js could not start it');
  useKernels(portable);
  return {
    backend: 'cpu',
    device: 'cpu',
    threads: 1,
    gemm: 'javascript',
    precision: 'float32',
    versions: { 'tfjs-core': tf.version_core },
  };
}
