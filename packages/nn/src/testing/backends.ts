/** Every way in which the kernels can run on this machine: what the contract suite loops over. */
import { installedTensorflow } from '../engine/tensorflow-package.ts';
import { selectBackend } from '../index.ts';
import { useKernels } from '../kernels/kernels.ts';
import { portable } from '../kernels/portable/portable.ts';

export interface BackendUnderTest {
  readonly name: string;
  start(): Promise<unknown>;
  /** Of a result or gradient, relative to the oracle's largest number; float32 by default. */
  readonly tolerance?: number;
  /** Why it cannot run here; undefined where it can. */
  missing?(): Promise<string | undefined>;
}

const tensorflowMissing = async () =>
  installedTensorflow() === undefined ? 'tensorflow is not installed (triptych engine install)' : undefined;

const backends: readonly BackendUnderTest[] = [
  { name: 'cpu', start: () => selectBackend({ backend: 'cpu' }) },
  { name: 'wasm', start: () => selectBackend({ backend: 'wasm' }) },
  { name: 'wasm without onnxruntime', start: () => selectBackend({ backend: 'wasm', gemm: 'own' }) },
  {
    name: 'wasm with portable kernels',
    async start() {
      await selectBackend({ backend: 'wasm' });
      useKernels(portable);
    },
  },
  {
    name: 'webgpu',
    start: startWebgpu,
    missing: () => reasonAgainst(startWebgpu),
  },
  {
    name: 'tensorflow',
    start: () => selectBackend({ backend: 'tensorflow' }),
    missing: tensorflowMissing,
  },
  {
    name: 'tensorflow with bf16 products',
    start: () => selectBackend({ backend: 'tensorflow', precision: 'bf16' }),
    // bfloat16 keeps 8 bits: a factor is off by up to 2^-9, a product of two and its rounding by up to 3 * 2^-9.
    tolerance: 3 * 2 ** -9,
    missing: tensorflowMissing,
  },
];

function startWebgpu(): Promise<unknown> {
  return selectBackend({ backend: 'webgpu', allowSoftwareGpu: true });
}

async function reasonAgainst(start: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await start();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The backends that are there, all or the named ones; says which are not, and why. */
export async function presentBackends(names?: readonly string[]): Promise<BackendUnderTest[]> {
  const present: BackendUnderTest[] = [];
  for (const backend of backends) {
    if (names?.includes(backend.name) === false) continue;
    const reason = await backend.missing?.();
    if (reason === undefined) present.push(backend);
    else process.stdout.write(`The contract suite leaves ${backend.name} out: ${reason}\n`);
  }
  return present;
}
