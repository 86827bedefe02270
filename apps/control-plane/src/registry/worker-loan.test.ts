import { createLogger } from '@triptych/runtime';
import { afterEach, expect, test, vi } from 'vitest';
import { anyNumerics } from '../testing/numerics.ts';
import { createRegistry, type WorkerRegistry } from './worker-registry.ts';

let registry: WorkerRegistry;
afterEach(() => registry.close());

async function withWorker(address = 'a:1') {
  const store = { register: vi.fn(), renew: vi.fn(async () => true), leave: vi.fn() };
  registry = createRegistry({ store, logger: createLogger({ name: 'test', level: 'silent' }) });
  await register(address);
}

const register = (address: string) =>
  registry.register(
    {
      ...{ id: 'w', address, pool: 'default', backend: 'wasm', device: 'cpu', threads: 1 },
      ...{ memoryBytes: 1, version: '0', numerics: anyNumerics(), trainerSecret: 'own' },
    },
    [],
  );

const state = () => registry.fleet()[0]?.state;

test('a lent worker is busy until it is given back, and whoever waits is told', async () => {
  await withWorker();
  const changed = vi.fn();
  registry.onChange(changed);
  const loan = registry.lend('w');
  expect(state()).toBe('busy');
  expect(() => registry.lend('w')).toThrow('busy');
  loan[Symbol.dispose]();
  expect(state()).toBe('idle');
  expect(changed).toHaveBeenCalledTimes(1);
  registry.reserve('run-1', ['w']);
  expect(() => registry.lend('w')).toThrow('busy');
});

test('a loan outlives a registration of the same process, and not another process', async () => {
  await withWorker();
  const first = registry.lend('w');
  await register('a:1');
  expect(state()).toBe('busy');
  await register('a:2');
  expect(state()).toBe('idle');
  const second = registry.lend('w');
  // The old loan is nobody's any more: it must not end the new one.
  first[Symbol.dispose]();
  expect(state()).toBe('busy');
  second[Symbol.dispose]();
  expect(state()).toBe('idle');
});
