/** Every way in which the kernels can run on this machine: what the contract suite loops over. */
import { selectBackend } from '../index.ts';
import { useKernels } from '../kernels/kernels.ts';
import { portable } from '../kernels/portable/portable.ts';

export interface BackendUnderTest {
  readonly name: string;
  start(): Promise<unknown>;
  /** Why it cannot run here; undefined where it can. */
  missing?(): string | undefined;
}

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
];

/** The backends that are there; says which are not, and why. */
export function presentBackends(): BackendUnderTest[] {
  return backends.filter(({ name, missing }) => {
    const reason = missing?.();
    if (reason !== undefined) process.stdout.write(`The contract suite leaves ${name} out: ${reason}\n`);
    return reason === undefined;
  });
}
