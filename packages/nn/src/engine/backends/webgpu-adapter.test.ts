import { expect, it } from 'vitest';
import { describeAdapter } from './webgpu-adapter.ts';

const adapter = { vendor: '', architecture: '', device: '', description: '' };

it.each([
  [{ device: 'NVIDIA H100 PCIe', description: 'NVIDIA: 550.54' }, 'NVIDIA H100 PCIe (NVIDIA: 550.54)', false],
  [{ vendor: 'apple', architecture: 'metal-3', description: 'Apple M1' }, 'metal-3 (Apple M1)', false],
  [{ vendor: 'intel' }, 'intel', false],
  [{}, 'unnamed GPU', false],
  [
    { architecture: 'swiftshader', description: 'SwiftShader driver 5.0.0' },
    'software: swiftshader (SwiftShader driver 5.0.0)',
    true,
  ],
  [{ device: 'llvmpipe (LLVM 15.0.6, 256 bits)' }, 'software: llvmpipe (LLVM 15.0.6, 256 bits)', true],
  [{ device: 'unheard of', isFallbackAdapter: true }, 'software: unheard of', true],
])('%o is "%s"', (facts, device, software) => {
  expect(describeAdapter({ ...adapter, ...facts })).toEqual({ device, software });
});
