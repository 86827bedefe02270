/** The embedded default: TensorFlow.js' wasm module with kernels of our own and onnxruntime's matrix product. */
import { startWasm as startModule } from '../../kernels/wasm/start-wasm.ts';
import { type EngineDescription, type EngineOptions, unavailable } from '../engine.ts';

export async function startWasm({ threads, gemm }: EngineOptions): Promise<EngineDescription> {
  const started = await startModule({ threads, gemm });
  if (started === undefined) return unavailable('wasm', 'TensorFlow.js could not start it');
  return { backend: 'wasm', device: 'cpu', ...started };
}
