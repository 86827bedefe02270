import { expect, test } from 'vitest';
import type { EngineDescription } from '../../engine/engine.ts';
import type { Probe, ProbeOutcome } from '../run-probe.ts';
import { examineEngines } from './examine.ts';

const description: EngineDescription = {
  ...{ backend: 'wasm', device: 'cpu', threads: 2, gemm: 'onnxruntime', precision: 'float32' },
};

const outcomes: Record<string, ProbeOutcome> = {
  tensorflow: { kind: 'crashed', message: 'its process was ended by SIGILL' },
  webgpu: { kind: 'unavailable', code: 'BACKEND_UNAVAILABLE', message: 'no GPU' },
  wasm: { kind: 'works', description, gflops: 60 },
  cpu: { kind: 'works', description, gflops: 1 },
};

test('tries every backend by itself, then auto, with what was asked for', async () => {
  const asked: unknown[] = [];
  const probe: Probe = async ({ choice, seconds }) => {
    asked.push([choice, seconds]);
    return outcomes[choice.backend === 'auto' ? 'wasm' : choice.backend!]!;
  };
  const report = await examineEngines({ choice: { threads: 2, device: 'cpu' }, seconds: 0.1, probe });
  expect(report.backends.map(({ backend, state }) => [backend, state])).toEqual([
    ['tensorflow', 'broken'],
    ['webgpu', 'unavailable'],
    ['wasm', 'works'],
    ['cpu', 'works'],
  ]);
  expect(report.auto).toEqual({ state: 'works', description });
  expect(report.machine.cores).toBeGreaterThan(0);
  expect(asked.at(0)).toEqual([{ threads: 2, backend: 'tensorflow' }, 0.1]);
  expect(asked.at(-1)).toEqual([{ threads: 2, device: 'cpu', backend: 'auto' }, 0]);
});

test('an auto that does not work is told, with its reason', async () => {
  const report = await examineEngines({
    probe: async ({ choice }) => outcomes[choice.backend!] ?? outcomes['webgpu']!,
  });
  expect(report.auto).toEqual({ state: 'unavailable', message: 'no GPU' });
});
