/**
 * Any Vulkan, Metal or D3D12 GPU, through Dawn. Its npm packages are 155 MB, so they are optional: used where somebody
 * installed them. Reads are asynchronous only: `dataSync` throws here.
 */
import { createRequire } from 'node:module';
import { useKernels } from '../../kernels/kernels.ts';
import { webgpuKernels } from '../../kernels/webgpu/webgpu-kernels.ts';
import { tf } from '../../tensorflow.ts';
import { type EngineDescription, type EngineOptions, unavailable } from '../engine.ts';
import { type AdapterInfo, describeAdapter } from './webgpu-adapter.ts';
import { failReadsAfterFaults, type ReadingBackend } from './webgpu-faults.ts';

const DAWN = 'webgpu';
const BACKEND = '@tensorflow/tfjs-backend-webgpu';

/** The part of WebGPU's GPU that is used here. */
interface Gpu {
  requestAdapter(options: {
    readonly powerPreference: 'high-performance';
  }): Promise<{ readonly info: AdapterInfo } | null>;
}

/**
 * The first call in a process opens the device; later ones return to it. A GPU that only a CPU plays is refused unless
 * `allowSoftwareGpu`.
 */
export async function startWebgpu({ allowSoftwareGpu }: EngineOptions): Promise<EngineDescription> {
  const gpu = await openDawn();
  // As the backend will ask: the same question gets the same adapter.
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return unavailable('webgpu', `no GPU was found (${DRIVERS})`);
  const { device, software } = describeAdapter(adapter.info);
  if (software && !allowSoftwareGpu)
    return unavailable(
      'webgpu',
      `no GPU was found, only ${device} (${DRIVERS}; TRIPTYCH_ALLOW_SOFTWARE_GPU=1 accepts it, for tests)`,
    );
  await openBackend();
  useKernels(webgpuKernels);
  return { backend: 'webgpu', device, threads: 1, gemm: 'webgpu', precision: 'float32' };
}

const DRIVERS =
  process.platform === 'linux'
    ? 'it needs libvulkan.so.1 and a Vulkan driver, which VK_ICD_FILENAMES names where it lies elsewhere'
    : 'is its driver installed?';

/** Dawn must be the process's WebGPU before TensorFlow.js' backend is loaded: that looks once. */
async function openDawn(): Promise<Gpu> {
  const scope = globalThis as { navigator?: { readonly gpu?: Gpu } };
  if (scope.navigator?.gpu) return scope.navigator.gpu;
  for (const name of [DAWN, BACKEND])
    if (!isInstalled(name))
      return unavailable(
        'webgpu',
        `the npm package ${name} is not installed (\`npm run add-webgpu\` adds it)`,
      );
  const { create, globals } = await load<{ create(options: string[]): Gpu; globals: object }>(DAWN);
  Object.assign(scope, globals);
  const gpu = create([]);
  // Node has a navigator of its own from version 21 on.
  scope.navigator ??= {};
  Object.defineProperty(scope.navigator, 'gpu', { value: gpu });
  return gpu;
}

async function openBackend(): Promise<void> {
  const first = tf.findBackendFactory('webgpu') === null;
  if (first) await load(BACKEND);
  if (!(await tf.setBackend('webgpu'))) return unavailable('webgpu', `${BACKEND} finds no device`);
  if (!first) return;
  keepBits();
  failReadsAfterFaults(tf.backend() as unknown as ReadingBackend);
}

/** Switches off what makes the bits depend on more than the operands. */
function keepBits(): void {
  // Small tensors would be computed on the CPU as long as they have not been on the GPU.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  // Long products with a small result would be split and added with atomics, in any order; this one tiles every product.
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', MATMUL_PACKED);
}

/** `MatMulProgramType.MatMulPackedProgram` of tfjs-backend-webgpu 4.22. */
const MATMUL_PACKED = 3;

const require = createRequire(import.meta.url);

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

async function load<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (cause) {
    return unavailable('webgpu', `${name} is installed but does not load`, { cause });
  }
}
