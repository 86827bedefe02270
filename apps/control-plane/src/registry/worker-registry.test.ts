/** The registry on a clock of its own. */
import { createLogger } from '@triptych/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LeaseReport, WorkerRegistration } from '../store/worker-store.ts';
import { anyNumerics } from '../testing/numerics.ts';
import { createRegistry, type WorkerRegistry } from './worker-registry.ts';

const LEASE_MS = 6000;

let now: number;
let registry: WorkerRegistry;
let written: (WorkerRegistration | ({ id: string } & LeaseReport))[];
let changes: number;
let left: string[];

beforeEach(() => {
  now = 1_000_000;
  written = [];
  changes = 0;
  left = [];
  registry = createRegistry({
    logger: createLogger({ name: 'test', level: 'silent' }),
    store: {
      register: async (worker) => void written.push(worker),
      renew: async (id, report) => written.push({ id, ...report }) > 0,
      leave: async (id) => void left.push(id),
    },
    leaseMs: LEASE_MS,
    heartbeatMs: 1000,
    now: () => now,
  });
  registry.onChange(() => {
    changes += 1;
  });
});
afterEach(() => registry.close());

const identity = {
  address: '10.0.0.7:7000',
  pool: 'default',
  backend: 'wasm',
  device: 'cpu',
  threads: 1,
  memoryBytes: 1,
  version: '0.1.0',
  trainerSecret: 'of the process',
  numerics: anyNumerics(),
} as const;
const idle = { memoryUsedBytes: 1, eventLoopLagMs: 0, draining: false, assignments: [] };
const training = (runId: string) => [{ runId, attempt: 1, generation: 1, rank: 0 }];
const stateOf = (id: string) => registry.fleet().find((worker) => worker.id === id)?.state;
/** Time passes while the process is awake. */
const pass = (ms: number) => {
  for (let left = ms; left > 0; left -= 500) {
    now += Math.min(left, 500);
    registry.sweep();
  }
};

test('a worker gets an id, a lease and a row', async () => {
  const { workerId, leaseMs, heartbeatMs } = await registry.register(identity, []);
  expect(workerId).toMatch(/^worker-[0-9a-f]{16}$/);
  expect({ leaseMs, heartbeatMs }).toEqual({ leaseMs: LEASE_MS, heartbeatMs: 1000 });
  expect(written).toMatchObject([{ id: workerId, leaseExpiresAt: expect.any(Date) }]);
  expect(registry.fleet()).toMatchObject([{ id: workerId, state: 'idle', address: identity.address }]);
  expect(changes).toBe(1);
});

test('heartbeats keep it, their absence loses it, and then it must register again', async () => {
  const { workerId } = await registry.register(identity, []);
  const gone = registry.gone(workerId);
  for (let i = 0; i < 10; i++) {
    pass(1000);
    registry.heartbeat(workerId, idle);
  }
  expect(stateOf(workerId)).toBe('idle');
  // The row's lease is renewed every other second, not with every heartbeat.
  expect(written.length).toBe(1 + 5);
  pass(LEASE_MS);
  expect(gone.reason).toMatchObject({ code: 'WORKER_LOST' });
  expect(registry.fleet()).toEqual([]);
  expect(() => registry.heartbeat(workerId, idle)).toThrow(/register again/);
  await registry.register({ ...identity, id: workerId }, training('run_1'));
  expect(stateOf(workerId)).toBe('busy');
});

test('an event of its training is a sign of life', async () => {
  const { workerId } = await registry.register(identity, []);
  pass(LEASE_MS - 500);
  registry.seen(workerId);
  pass(LEASE_MS - 500);
  expect(stateOf(workerId)).toBe('idle');
});

test('a control plane that was asleep does not lose its fleet', async () => {
  const { workerId } = await registry.register(identity, []);
  now += 3_600_000;
  registry.sweep();
  expect(stateOf(workerId)).toBe('idle');
});

test('is busy while it is reserved or says that it trains, and idle again when released, whatever it still reports', async () => {
  const { workerId } = await registry.register(identity, []);
  registry.reserve('run_1', [workerId]);
  expect(stateOf(workerId)).toBe('busy');
  expect(() => registry.reserve('run_2', [workerId])).toThrow(/reserved for run_1/);
  registry.heartbeat(workerId, { ...idle, assignments: training('run_1') });
  registry.release({ runId: 'run_1', attempt: 1 }, [workerId]);
  expect(stateOf(workerId)).toBe('idle');
  registry.heartbeat(workerId, { ...idle, assignments: training('run_1') });
  expect(stateOf(workerId)).toBe('idle');
  registry.heartbeat(workerId, { ...idle, assignments: training('run_9') });
  expect(stateOf(workerId)).toBe('busy');
  expect(registry.strays()).toMatchObject([{ workerId, runId: 'run_9', attempt: 1 }]);
});

test('stays out of reach after its supervisor let go of it, until it says that it is free', async () => {
  const { workerId } = await registry.register(identity, []);
  registry.reserve('run_1', [workerId]);
  registry.abandon({ runId: 'run_1', attempt: 1 }, [workerId]);
  expect(stateOf(workerId)).toBe('busy');
  expect(registry.isFreeFor('run_1', workerId)).toBe(true);
  registry.heartbeat(workerId, idle);
  expect(stateOf(workerId)).toBe('idle');
});

test('what it says of a later attempt than the one that was ended is no old news', async () => {
  const { workerId } = await registry.register(identity, []);
  registry.release({ runId: 'run_1', attempt: 1 }, [workerId]);
  registry.heartbeat(workerId, { ...idle, assignments: [{ ...training('run_1')[0]!, attempt: 2 }] });
  expect(stateOf(workerId)).toBe('busy');
  expect(registry.strays()).toMatchObject([{ runId: 'run_1', attempt: 2 }]);
});

test('that did not acknowledge an end is lost, whatever it reports, until it does', async () => {
  const { workerId } = await registry.register(identity, []);
  registry.reserve('run_1', [workerId]);
  registry.distrust({ runId: 'run_1', attempt: 3 }, [workerId]);
  expect(stateOf(workerId)).toBe('lost');
  registry.heartbeat(workerId, idle);
  await registry.register({ ...identity, id: workerId }, []);
  expect(stateOf(workerId)).toBe('lost');
  expect(registry.strays()).toMatchObject([{ workerId, runId: 'run_1', attempt: 3 }]);
  registry.release({ runId: 'run_1', attempt: 3 }, [workerId]);
  expect(stateOf(workerId)).toBe('idle');
  expect(registry.strays()).toEqual([]);
});

test('that another run has by now is not taken from it by the end of the one before', async () => {
  const { workerId } = await registry.register(identity, []);
  registry.reserve('run_2', [workerId]);
  registry.distrust({ runId: 'run_1', attempt: 1 }, [workerId]);
  registry.release({ runId: 'run_1', attempt: 1 }, [workerId]);
  expect(stateOf(workerId)).toBe('busy');
  expect(registry.isFreeFor('run_1', workerId)).toBe(false);
});

test('one address has one worker: who registers there ends the one before', async () => {
  const { workerId: first } = await registry.register(identity, []);
  registry.reserve('run_1', [first]);
  const gone = registry.gone(first);
  const { workerId: second } = await registry.register(identity, []);
  expect(gone.reason).toMatchObject({ code: 'WORKER_LOST' });
  expect(registry.fleet()).toMatchObject([{ id: second, state: 'idle' }]);
  expect(() => registry.heartbeat(first, idle)).toThrow(/register again/);
  expect(left).toEqual([first]);
});

test('cools down after a failure, longer after each that follows, and is forgiven by success', async () => {
  const { workerId } = await registry.register(identity, []);
  const isCooling = () => registry.fleet()[0]?.isCooling;
  const cooledAfter = () => {
    const from = now;
    while (isCooling()) {
      registry.heartbeat(workerId, idle);
      pass(500);
    }
    return now - from;
  };
  registry.blame(workerId, { isCertain: true });
  changes = 0;
  expect(cooledAfter()).toBe(10_000);
  expect(changes).toBe(1);
  registry.blame(workerId, { isCertain: true });
  expect(cooledAfter()).toBe(20_000);
  registry.blame(workerId, { isCertain: true });
  registry.absolve([workerId]);
  expect(isCooling()).toBe(false);
  registry.blame(workerId, { isCertain: false });
  expect(isCooling()).toBe(false);
  registry.blame(workerId, { isCertain: false });
  expect(cooledAfter()).toBe(20_000);
});

test('the time of day may jump: leases are by a clock that does not', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const store = { register: async () => {}, renew: async () => true, leave: async () => {} };
    const logger = createLogger({ name: 'test', level: 'silent' });
    const real = createRegistry({ store, logger, leaseMs: LEASE_MS });
    await real.register(identity, []);
    vi.setSystemTime(Date.now() + 3_600_000);
    real.sweep();
    real.sweep();
    expect(real.fleet()).toMatchObject([{ state: 'idle' }]);
    real.close();
  } finally {
    vi.useRealTimers();
  }
});

test('drains, leaves, and is gone', async () => {
  const { workerId } = await registry.register(identity, []);
  const gone = registry.gone(workerId);
  registry.heartbeat(workerId, { ...idle, draining: true });
  expect(stateOf(workerId)).toBe('draining');
  await registry.leave(workerId, 'SIGTERM');
  expect(gone.aborted).toBe(true);
  expect(registry.gone('nobody').aborted).toBe(true);
});

test('another process under its id is another worker: what the first did is over', async () => {
  const { workerId } = await registry.register(identity, []);
  registry.reserve('run_1', [workerId]);
  const gone = registry.gone(workerId);
  await registry.register({ ...identity, id: workerId }, []);
  expect([gone.aborted, stateOf(workerId)]).toEqual([false, 'busy']);
  await registry.register({ ...identity, id: workerId, address: '10.0.0.8:7000' }, []);
  expect([gone.aborted, stateOf(workerId)]).toEqual([true, 'idle']);
});

test('tells when all of several workers are there', async () => {
  const never = AbortSignal.timeout(60_000);
  const both = registry.whenAlive(['a', 'b'], never);
  await registry.register({ ...identity, id: 'a' }, []);
  await registry.register({ ...identity, id: 'b', address: '10.0.0.8:7000' }, []);
  expect(await both).toBe(true);
  expect(await registry.whenAlive(['a', 'c'], AbortSignal.abort())).toBe(false);
});
