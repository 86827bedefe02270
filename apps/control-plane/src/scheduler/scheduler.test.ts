/** The waiting room with a real registry in memory. */
import { createLogger } from '@triptych/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRegistry, type WorkerRegistry } from '../registry/worker-registry.ts';
import { anyNumerics } from '../testing/numerics.ts';
import type { Demand, FleetWorker } from './place.ts';
import { Scheduler } from './scheduler.ts';

let registry: WorkerRegistry;
let scheduler: Scheduler;

beforeEach(() => {
  const store = { register: async () => {}, renew: async () => true, leave: async () => {} };
  registry = createRegistry({ store, logger: createLogger({ name: 'test', level: 'silent' }) });
  scheduler = new Scheduler(registry);
});
afterEach(() => {
  scheduler.close();
  registry.close();
});

const addWorker = (id: string) =>
  registry.register(
    {
      id,
      address: `${id}:1`,
      pool: 'p',
      backend: 'wasm',
      device: '',
      threads: 1,
      memoryBytes: 1,
      trainerSecret: 'own',
      version: '',
      numerics: anyNumerics(),
    },
    [],
  );

const ask = (runId: string, options: Partial<Demand> & { signal?: AbortSignal } = {}) => {
  const { signal = new AbortController().signal, ...fields } = options;
  const waits: string[] = [];
  const demand = {
    runId,
    priority: 50,
    submittedAt: 0,
    pool: 'p',
    minWorkers: 1,
    maxWorkers: 1,
    shards: 4,
    ...fields,
  };
  const placed = scheduler.place(demand, { signal, onWait: ({ wait }) => waits.push(wait) });
  return { placed, waits };
};

const idsOf = async (placed: Promise<readonly FleetWorker[]>) => (await placed).map(({ id }) => id);

test('those who come together are placed by urgency, not by arrival', async () => {
  await addWorker('a');
  const [late, urgent] = [ask('late'), ask('urgent', { priority: 0 })];
  expect(await idsOf(urgent.placed)).toEqual(['a']);
  expect(late.waits).toEqual(['WAITING_FOR_WORKERS']);
  registry.release({ runId: 'urgent', attempt: 1 }, ['a']);
  expect(await idsOf(late.placed)).toEqual(['a']);
  expect(late.waits).toHaveLength(1);
});

test('a run that leaves makes room for those that it kept waiting', async () => {
  await addWorker('a');
  await addWorker('b');
  registry.reserve('other', ['b']);
  const leaving = new AbortController();
  const large = ask('large', { priority: 0, minWorkers: 2, maxWorkers: 2, signal: leaving.signal });
  const small = ask('small');
  await expect.poll(() => small.waits).toEqual(['WAITING_FOR_HIGHER_PRIORITY']);
  leaving.abort(new Error('cancelled'));
  await expect(large.placed).rejects.toThrow('cancelled');
  expect(await idsOf(small.placed)).toEqual(['a']);
  expect(scheduler.size).toBe(0);
});

test('what it hands out is reserved', async () => {
  await addWorker('a');
  await ask('first').placed;
  expect(registry.fleet()).toMatchObject([{ id: 'a', state: 'busy' }]);
  expect(() => registry.reserve('second', ['a'])).toThrow(/reserved for first/);
});
