/** Choosing, without a native library: what works with one is in the contract suite. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gpuName } from './backends/gpu-name.ts';
import { selectBackend } from './select-backend.ts';
import { installedTensorflow } from './tensorflow-package.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-engine-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function installPackage(name: string, main: string): Promise<void> {
  const path = join(folder, 'node_modules', '@tensorflow', name);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'package.json'), '{"main": "index.js", "version": "4.22.0"}');
  await writeFile(join(path, 'index.js'), main);
}

describe('auto', () => {
  const native = installedTensorflow(tmpdir());
  test.skipIf(native)(
    `is wasm without a native package (skipped where one is: ${native?.path})`,
    async () => {
      const description = await selectBackend({ engineFolder: folder });
      expect(description).toMatchObject({ backend: 'wasm', precision: 'float32' });
      expect(description.fallback).toBeUndefined();
    },
  );

  test('is wasm, and says why, where the native package does not load', async () => {
    await installPackage(
      'tfjs-node',
      'throw new Error("libtensorflow.so.2: cannot open shared object file")',
    );
    const description = await selectBackend({ engineFolder: folder });
    expect(description.backend).toBe('wasm');
    expect(description.fallback).toContain('libtensorflow.so.2: cannot open shared object file');
    expect(description.fallback).toContain('triptych engine install');
  });

  test.each([{ device: 'gpu' }, { precision: 'bf16' }] as const)(
    'never falls back from what was asked for: %j',
    async (asked) => {
      await installPackage('tfjs-node', 'throw new Error("broken")');
      await expect(selectBackend({ engineFolder: folder, ...asked })).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
      });
    },
  );
});

test('a package with a TensorFlow.js of its own is refused: its tensors would not be ours', async () => {
  await installPackage('tfjs-node', '');
  const selected = selectBackend({ backend: 'tensorflow', engineFolder: folder });
  await expect(selected).rejects.toThrow('brings a TensorFlow.js of its own');
});

test('the package for GPUs comes first', async () => {
  await installPackage('tfjs-node', '');
  await installPackage('tfjs-node-gpu', '');
  expect(installedTensorflow(folder)?.name).toBe('@tensorflow/tfjs-node-gpu');
});

test.each([
  [{ backend: 'wasm', precision: 'bf16' }, 'INVALID_INPUT', 'use float32, or install tensorflow'],
  [{ backend: 'cpu', device: 'gpu' }, 'BACKEND_UNAVAILABLE', 'use the backend tensorflow or webgpu'],
  [{ backend: 'wasm', device: 'gpu' }, 'BACKEND_UNAVAILABLE', 'a GPU was asked for'],
  [{ threads: 0 }, 'INVALID_INPUT', 'use a whole number of at least 1'],
] as const)('%j is refused with the remedy', async (choice, code, remedy) => {
  await expect(selectBackend(choice)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(remedy),
  });
});

test('the GPU has the name that its driver gives it', async () => {
  expect(gpuName(join(folder, 'none'))).toBe('gpu');
  await mkdir(join(folder, '0000:01:00.0'));
  await writeFile(join(folder, '0000:01:00.0', 'information'), 'Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 1\n');
  expect(gpuName(folder)).toBe('NVIDIA H100 80GB HBM3');
});
