/** Brings the wasm backend up: TensorFlow.js' module, the own kernels on its heap, the best matrix product. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { tf } from '../../tensorflow.ts';
import { useKernels } from '../kernels.ts';
import { assemblyAttention } from './attention.ts';
import { fewRowsGemm } from './few-rows-gemm.ts';
import { frozenGemm } from './frozen-gemm.ts';
import { assemblyGelu, smallGelu } from './gelu.ts';
import { assemblyGemm } from './gemm.ts';
import { WasmHeap } from './heap.ts';
import { openOnnxruntime, type Providers } from './onnxruntime/open.ts';
import { replaceStockKernels } from './stock-kernels.ts';
import { wasmKernels } from './wasm-kernels.ts';

export interface WasmOptions {
  /** For the matrix products of onnxruntime; everything else runs on one thread. */
  readonly threads: number;
  /** `own` leaves onnxruntime out even where it would load. */
  readonly gemm?: 'auto' | 'own';
}

/** Resolves to who multiplies matrices, and on how many threads; undefined where wasm cannot be started. */
export async function startWasm(
  options: WasmOptions,
): Promise<{ gemm: string; threads: number } | undefined> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  if (heap === undefined) setWasmPaths(`${dirname(entry)}/`);
  if (!(await tf.setBackend('wasm'))) return undefined;
  heap ??= await WasmHeap.open();
  const providers = bestProviders(heap, options);
  const gemm = frozenGemm(heap, fewRowsGemm(heap, providers.gemm));
  replaceStockKernels(heap, gemm);
  useKernels(wasmKernels(heap, { ...providers, gemm, gelu: smallGelu(heap, providers.gelu) }));
  return { gemm: gemm.name, threads: gemm.threads };
}

/** TensorFlow.js keeps one wasm module for the life of the process, and so does this. */
let heap: WasmHeap | undefined;

function bestProviders(open: WasmHeap, { threads, gemm }: WasmOptions): Providers {
  const own = () => ({
    gemm: assemblyGemm(open),
    gelu: assemblyGelu(open),
    attention: assemblyAttention(open),
  });
  if (gemm === 'own') return own();
  const onFailure = (reason: unknown) =>
    process.emitWarning(`onnxruntime cannot be used, matrix products are slower without it: ${reason}`);
  return openOnnxruntime(open, { threads, onFailure }) ?? own();
}
