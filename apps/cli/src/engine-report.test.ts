import { expect, test } from 'vitest';
import { engineReport } from './engine-report.ts';

const description = {
  backend: 'wasm',
  device: 'cpu',
  threads: 1,
  gemm: 'onnxruntime',
  precision: 'float32',
  versions: { 'onnxruntime-node': '1.30.0' },
} as const;

test('a table of what works, then what to do about the rest, then what auto takes', () => {
  const text = engineReport({
    machine: { platform: 'linux x64', node: '20.20.2', cpu: 'EPYC', cores: 2, memoryBytes: 2 ** 34 },
    backends: [
      {
        backend: 'tensorflow',
        state: 'unavailable',
        message: 'backend tensorflow: not installed; install it with `triptych engine install`',
      },
      { backend: 'wasm', state: 'works', description, gflops: 63.7 },
    ],
    auto: { state: 'works', description },
  });
  expect(text).toBe(`machine  EPYC, 2 cores, 16.0 GiB, linux x64, Node 20.20.2

backend     state        device  threads  matrix products  GFLOP/s  versions
tensorflow  unavailable
wasm        works        cpu           1  onnxruntime           64  onnxruntime-node 1.30.0

tensorflow: not installed; install it with \`triptych engine install\`

auto     wasm on cpu, matrix products by onnxruntime
`);
});
