/**
 * The native TensorFlow behind `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`: neither is a dependency, both are
 * used where they were installed (`triptych engine install`). A GPU that was asked for and is not there is an error.
 */
import { createRequire } from 'node:module';
import { useKernels } from '../../kernels/kernels.ts';
import { rawOps } from '../../kernels/tensorflow/raw-ops.ts';
import { replaceStockKernels } from '../../kernels/tensorflow/stock-kernels.ts';
import { tensorflowKernels } from '../../kernels/tensorflow/tensorflow-kernels.ts';
import { tf } from '../../tensorflow.ts';
import { type EngineDescription, type EngineOptions, unavailable } from '../engine.ts';
import { installedTensorflow, type TensorflowPackage } from '../tensorflow-package.ts';
import { gpuName } from './gpu-name.ts';

const INSTALL_REMEDY = 'install it with `triptych engine install`, or use wasm';

/** Loads the native library with this many threads for an operation, and one operation at a time. */
export async function startTensorflow(options: EngineOptions): Promise<EngineDescription> {
  const installed = loadTensorflow(options);
  if (!(await tf.setBackend('tensorflow')))
    return unavailable('tensorflow', `${installed.name} does not start`, { remedy: REINSTALL });
  const ops = rawOps();
  const { isGPUPackage, isUsingGpuDevice, libraryVersion } = ops;
  if (!isUsingGpuDevice && options.device !== 'cpu' && (isGPUPackage || options.device === 'gpu'))
    return unavailable('tensorflow', `${installed.name} finds no GPU`, {
      remedy: isGPUPackage ? NO_GPU : 'install the GPU package with `triptych engine install --gpu`',
    });
  const device = isUsingGpuDevice ? gpuName() : 'cpu';
  assertMultiplies(device);
  replaceStockKernels(ops);
  useKernels(tensorflowKernels(ops, options.precision));
  return {
    backend: 'tensorflow',
    device,
    threads: options.threads,
    gemm: 'tensorflow',
    precision: options.precision,
    versions: { [installed.name]: installed.version, tensorflow: libraryVersion },
  };
}

/**
 * Loads the native package into this process; loading it again is free. BACKEND_UNAVAILABLE where it is not installed or
 * does not load. TensorFlow reads its environment here, so the first call decides about threads and devices.
 */
export function loadTensorflow(options: EngineOptions): TensorflowPackage & { readonly version: string } {
  const installed = installedTensorflow(options.engineFolder);
  if (installed === undefined)
    return unavailable(
      'tensorflow',
      'neither @tensorflow/tfjs-node-gpu nor @tensorflow/tfjs-node is installed',
      { remedy: INSTALL_REMEDY },
    );
  prepareEnvironment(options);
  restoreRemovedFunctions();
  const require = createRequire(installed.path);
  try {
    require(installed.path);
  } catch (cause) {
    const reason = `${installed.name} is installed but does not load: ${firstLine(cause)}`;
    return unavailable('tensorflow', reason, { remedy: REINSTALL, cause });
  }
  if (!tf.engine().registryFactory['tensorflow'])
    return unavailable(
      'tensorflow',
      `${installed.name} brings a TensorFlow.js of its own instead of using this one (${tf.version_core})`,
      { remedy: REINSTALL },
    );
  return { ...installed, version: (require('../package.json') as { version: string }).version };
}

const REINSTALL = 'install it again with `triptych engine install`, or use wasm';
const NO_GPU =
  'check nvidia-smi, and that the CUDA libraries of this TensorFlow are in LD_LIBRARY_PATH; or set the device to cpu';

/** Read by the native library: a worker thread needs `env: SHARE_ENV` for this to reach it. */
function prepareEnvironment({ threads, device }: EngineOptions): void {
  const { env } = process;
  env['TF_NUM_INTRAOP_THREADS'] = String(threads);
  // Operations are run one after the other anyway; a second pool only competes with the first (docs/experiments.md).
  env['TF_NUM_INTEROP_THREADS'] ??= '1';
  env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  if (device === 'cpu') env['CUDA_VISIBLE_DEVICES'] = '-1';
  env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  // The same bits in every run, and float32 where float32 was asked for.
  env['TF_DETERMINISTIC_OPS'] ??= '1';
  env['NVIDIA_TF32_OVERRIDE'] ??= '0';
}

/** tfjs-node 4.22 calls two functions that Node deprecates, and from version 23 on removes. */
function restoreRemovedFunctions(): void {
  Object.assign(createRequire(import.meta.url)('node:util') as object, {
    isNullOrUndefined: (value: unknown) => value === undefined || value === null,
    isArray: Array.isArray,
  });
}

/** A library without kernels for the device that it found answers with an error, or with zeros. */
function assertMultiplies(device: string): void {
  const product = smallProduct(device);
  if (product !== 11) unavailable('tensorflow', `${device} says that 1 * 3 + 2 * 4 is ${product}`);
}

function smallProduct(device: string): number {
  try {
    return tf.tidy(() => tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync()[0]!);
  } catch (cause) {
    return unavailable('tensorflow', `${device} cannot multiply matrices: ${firstLine(cause)}`, { cause });
  }
}

const firstLine = (error: unknown): string => String((error as Error).message ?? error).split('\n')[0]!;
