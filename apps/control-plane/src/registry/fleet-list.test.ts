import { createLogger } from '@triptych/runtime';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { anyNumerics } from '../testing/numerics.ts';
import { openTestStores, type TestStores } from '../testing/store.ts';
import { FleetList, occupationsOf } from './fleet-list.ts';
import { createRegistry, type WorkerRegistry } from './worker-registry.ts';

let stores: TestStores;
let registry: WorkerRegistry;
beforeAll(async () => {
  stores = await openTestStores();
});
afterAll(() => stores.close());
afterEach(() => registry.close());

const identity = {
  pool: 'default',
  backend: 'wasm',
  device: 'cpu',
  threads: 1,
  memoryBytes: 1,
} as const;

test('readers see the state that placement goes by', async () => {
  registry = createRegistry({
    store: stores.workers,
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
  const enter = async (port: number, assignments: { runId: string; attempt: number }[] = []) =>
    (
      await registry.register(
        {
          ...identity,
          address: `10.0.0.1:${port}`,
          version: '0.1.0',
          numerics: anyNumerics(),
          trainerSecret: 'own',
        },
        assignments.map((assignment) => ({ ...assignment, generation: 1, rank: 3 })),
      )
    ).workerId;
  const idle = await enter(1);
  const reserved = await enter(2);
  registry.reserve('run-1', [reserved]);
  const stray = await enter(3, [{ runId: 'run-2', attempt: 1 }]);
  const silent = await enter(4);
  registry.distrust({ runId: 'run-3', attempt: 1 }, [silent]);
  const replaced = await enter(5);
  const replacement = await enter(5);
  // On record of a control plane that was here before.
  await stores.workers.register({
    ...{ ...identity, id: 'forgotten', address: '10.0.0.1:6', version: '0.1.0', numerics: anyNumerics() },
    leaseExpiresAt: new Date(Date.now() + 60_000),
  });
  const seen = await new FleetList(stores.workers, async () => occupationsOf(registry)).list({
    now: new Date(),
  });
  const placed = new Map(registry.fleet().map(({ id, state }) => [id, state]));
  for (const { id, state } of seen) expect(state).toBe(placed.get(id) ?? 'lost');
  const of = (id: string) => seen.find((worker) => worker.id === id);
  expect([idle, replacement].map((id) => of(id)?.state)).toEqual(['idle', 'idle']);
  expect(of(reserved)).toMatchObject({ state: 'busy', runId: 'run-1' });
  expect(of(stray)).toMatchObject({ state: 'busy', runId: 'run-2', rank: 3 });
  expect(of(silent)).toMatchObject({ state: 'lost', runId: 'run-3' });
  expect(of('forgotten')?.state).toBe('lost');
  expect(of(replaced)).toBeUndefined();
});
