/** The embedded default: TensorFlow.js' wasm module with kernels of our own and onnxruntime's matrix product. */
import { createRequire } from 'node:module';
import { startWasm as startModule } from '../../kernels/wasm/start-wasm.ts';
import { type EngineDescription, type EngineOptions, unavailable } from '../engine.ts';

export async function startWasm({ threads, gemm }: EngineOptions): Promise<EngineDescription> {
  const started = await startModule({ threads, gemm });
  if (started === undefined) return unavailable('wasm', 'TensorFlow.js could not start it');
  const packages = ['@tensorflow/tfjs-backend-wasm'];
  if (started.gemm === 'onnxruntime') packages.push('onnxruntime-node');
  const versions = Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
  return { backend: 'wasm', device: 'cpu', precision: 'float32', ...started, versions };
}

const require = createRequire(import.meta.url);

const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version;
