/** How workers of the tests compute: alike, where a test does not say otherwise. */
import { type Numerics, type NumericsFacts, numericsOf } from '@triptych/protocol';

const facts: NumericsFacts = {
  ...{
    backend: 'wasm',
    device: 'cpu',
    gemm: 'onnxruntime',
    precision: 'float32',
    threads: 1,
    version: '0.1.0',
  },
  libraries: 'onnxruntime-node 1.30.0',
  ...{ arithmetic: 'a'.repeat(12), pictures: 'b'.repeat(12), text: 'c'.repeat(12) },
};

export const anyNumerics = (changes: Partial<NumericsFacts> = {}): Numerics =>
  numericsOf({ ...facts, ...changes });
