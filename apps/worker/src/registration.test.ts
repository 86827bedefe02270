import { promises } from 'node:dns';
import { createServer } from 'node:net';
import { credentials } from '@grpc/grpc-js';
import { ClientSource, channelOptions, control, TriptychError } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterEach, beforeEach, expect, type Mock, test, vi } from 'vitest';
import { Registration } from './registration.ts';
import { FakeControlPlane } from './testing/fake-control-plane.ts';

let plane: FakeControlPlane;
let connection: ClientSource<control.ControlClient>;
let controller: AbortController;
let events: string[];

beforeEach(async () => {
  plane = new FakeControlPlane();
  await plane.start();
  connection = new ClientSource(
    () => new control.ControlClient(plane.address, credentials.createInsecure(), channelOptions),
  );
  controller = new AbortController();
  events = [];
});

afterEach(() => {
  controller.abort();
  connection.close();
  plane.stop();
});

const assignments = [{ runId: 'run-1', attempt: 1, generation: 2, rank: 1 }];

function register(onFirst: (workerId: string) => void = () => undefined): Registration {
  const stream = {
    write: (line: string) => {
      events.push((JSON.parse(line) as { event: string }).event);
    },
  };
  return new Registration({
    control: connection,
    logger: createLogger({ name: 'test', stream }),
    identity: () => ({
      address: ':4711',
      pool: 'default',
      backend: 'wasm',
      device: 'cpu',
      threads: 1,
      memoryBytes: 8e9,
      version: '0.1.0',
      numerics: undefined,
      assignments,
      trainerSecret: 'known to both',
    }),
    condition: () => ({ assignments, memoryUsedBytes: 1e8, eventLoopLagMs: 1.5, draining: false }),
    onFirst,
    signal: controller.signal,
  });
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

test('registers, says so once, and sends its condition', async () => {
  const first = vi.fn();
  const registration = register(first);
  await eventually(() => expect(plane.heartbeats.length).toBeGreaterThan(1));
  expect(plane.registered).toHaveLength(1);
  expect(plane.registered[0]).toMatchObject({ workerId: '', address: ':4711', backend: 'wasm' });
  expect(plane.heartbeats[0]).toMatchObject({ workerId: 'worker-1', eventLoopLagMs: 1.5, assignments });
  expect(first.mock.calls).toEqual([['worker-1']]);
  expect(registration.workerId).toBe('worker-1');
  expect(plane.shown.at(-1)).toBe('lease-1');
});

test('a registry that has forgotten the worker gets the same id and what it is training', async () => {
  register();
  await eventually(() => expect(plane.leases.size).toBe(1));
  plane.leases.clear();
  await eventually(() => expect(plane.registered).toHaveLength(2));
  expect(plane.registered[1]).toMatchObject({ workerId: 'worker-1', assignments });
});

test('tries on while the control plane is away, and says so only when that changes', async () => {
  plane.stop();
  const first = vi.fn();
  register(first);
  await eventually(() => expect(events).toEqual(['control-plane-unreachable']));
  await plane.start();
  await eventually(() => expect(first).toHaveBeenCalledOnce());
  await eventually(() => expect(plane.heartbeats.length).toBeGreaterThan(0));
  plane.stop();
  await eventually(() => expect(events.at(-1)).toBe('control-plane-unreachable'));
  plane.leases.clear();
  await plane.start();
  await eventually(() => expect(plane.registered).toHaveLength(2));
  await eventually(() => expect(events.at(-1)).toBe('control-plane-back'));
  expect(events.filter((event) => event === 'control-plane-unreachable')).toHaveLength(2);
});

test('looks its name up again where a control plane comes back under another address', async () => {
  const lookup = vi.spyOn(promises, 'lookup') as unknown as Mock<
    () => Promise<{ address: string; family: 4 }[]>
  >;
  lookup.mockImplementation(async () => [{ address: plane.host, family: 4 }]);
  connection = new ClientSource(
    () =>
      new control.ControlClient(`control.test:${plane.port}`, credentials.createInsecure(), channelOptions),
  );
  register();
  await eventually(() => expect(plane.heartbeats.length).toBeGreaterThan(0));
  plane.stop();
  // What has the old address now takes connections and says nothing.
  const mute = createServer(() => undefined).listen(plane.port, plane.host);
  try {
    plane.host = '127.0.0.2';
    plane.leases.clear();
    await plane.start();
    await eventually(() => expect(plane.registered).toHaveLength(2));
    expect(plane.registered[1]).toMatchObject({ workerId: 'worker-1', assignments });
  } finally {
    mute.close();
    lookup.mockRestore();
  }
});

test('what the control plane refuses is said once, in its words, and asked again slowly', async () => {
  plane.refusal = new TriptychError('UNAUTHENTICATED', 'set TRIPTYCH_JOIN_TOKEN');
  const waits: number[] = [];
  const said: string[] = [];
  const registration = new Registration({
    control: connection,
    logger: createLogger({ name: 'test', stream: { write: (line) => said.push(line) } }),
    wait: async (ms) => {
      waits.push(ms);
      if (waits.length === 3) controller.abort();
    },
    joinTokens: ['old-token', 'new-token'],
    identity: () => control.RegisterRequest.create(),
    condition: () => control.HeartbeatRequest.create(),
    onFirst: () => undefined,
    signal: controller.signal,
  });
  await registration.leave('test');
  expect(waits).toEqual([10_000, 10_000, 10_000]);
  expect(plane.joinTokens[0]).toEqual(['old-token', 'new-token']);
  const refusals = said.filter((line) => line.includes('"registration-refused"'));
  expect(refusals).toHaveLength(1);
  expect(refusals[0]).toMatch(/set TRIPTYCH_JOIN_TOKEN/);
  expect(said.join()).not.toMatch(/old-token|new-token/);
});

test('waits longer after each failure, up to a limit', async () => {
  plane.stop();
  const waits: number[] = [];
  const wait = async (ms: number) => {
    waits.push(ms);
    if (waits.length === 8) controller.abort();
  };
  const registration = new Registration({
    control: connection,
    wait,
    logger: createLogger({ name: 'test', level: 'silent' }),
    identity: () => control.RegisterRequest.create(),
    condition: () => control.HeartbeatRequest.create(),
    onFirst: () => undefined,
    signal: controller.signal,
  });
  await registration.leave('test');
  expect(waits).toEqual([100, 200, 400, 800, 1600, 2000, 2000, 2000]);
});

test('takes its leave', async () => {
  const registration = register();
  await eventually(() => expect(plane.heartbeats.length).toBeGreaterThan(0));
  controller.abort();
  await registration.leave('shutdown');
  expect(plane.left).toEqual([{ workerId: 'worker-1', reason: 'shutdown' }]);
});
