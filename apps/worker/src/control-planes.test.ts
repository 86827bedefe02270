/** Which control plane a worker talks to: which of several leads changes, and some of what is said about it is old. */
import { credentials } from '@grpc/grpc-js';
import { control, TriptychError } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterEach, expect, test, vi } from 'vitest';
import { ControlPlanes } from './control-planes.ts';
import { Registration } from './registration.ts';
import { FakeControlPlane } from './testing/fake-control-plane.ts';

const open = (address: string) => new control.ControlClient(address, credentials.createInsecure());
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function knowing(...addresses: string[]) {
  let now = 0;
  const planes = new ControlPlanes({ addresses, open, now: () => now });
  cleanups.push(() => planes.close());
  const wait = (ms: number) => {
    now += ms;
  };
  return { planes, wait };
}

test('silence leads from one to the next, and round again', () => {
  const { planes, wait } = knowing('a:1', 'b:1', 'c:1');
  const seen = [planes.address];
  for (let time = 0; time < 5; time++) {
    wait(1);
    planes.renew();
    seen.push(planes.address);
  }
  expect(seen).toEqual(['a:1', 'b:1', 'c:1', 'a:1', 'b:1', 'c:1']);
});

test('a leader that nobody was told of is followed, and left for those that are known when it falls silent', () => {
  const { planes, wait } = knowing('a:1');
  expect(planes.follow('x:1')).toBe(true);
  expect(planes.address).toBe('x:1');
  wait(60_000);
  planes.renew();
  expect(planes.address).toBe('a:1');
  // Its word is old: the leader that it names has just been found silent.
  wait(100);
  expect(planes.follow('x:1')).toBe(false);
  expect(planes.address).toBe('a:1');
  wait(10_000);
  expect(planes.follow('x:1')).toBe(true);
});

test('two that each say the other leads are not asked without a pause', () => {
  const { planes } = knowing('a:1', 'b:1');
  expect(planes.follow('b:1')).toBe(true);
  expect(planes.follow('a:1')).toBe(false);
});

async function plane(): Promise<FakeControlPlane> {
  const started = new FakeControlPlane();
  await started.start();
  cleanups.push(() => started.stop());
  return started;
}

function registered(planes: ControlPlanes, onNobodyLeads = () => {}): { leases: [string, string][] } {
  const ending = new AbortController();
  const leases: [string, string][] = [];
  new Registration({
    control: planes,
    logger: createLogger({ name: 'test', level: 'silent' }),
    identity: () => control.RegisterRequest.create({ trainerSecret: 'own' }),
    condition: () => control.HeartbeatRequest.create(),
    onLease: (secret) => leases.push([secret, planes.address]),
    onFirst: () => undefined,
    onNobodyLeads,
    signal: ending.signal,
  });
  cleanups.push(
    () => ending.abort(),
    () => planes.close(),
  );
  return { leases };
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 });

test('registers where it is told, under its id again when the leader is another, and its artifacts go the same way', async () => {
  const [first, second] = [await plane(), await plane()];
  first.refusal = new TriptychError('NOT_LEADER', 'the other one does', { leaderAddress: second.address });
  const { leases } = registered(new ControlPlanes({ addresses: [first.address], open }));
  await eventually(() => expect(second.heartbeats.length).toBeGreaterThan(0));
  expect(leases).toEqual([['lease-1', second.address]]);
  // The second is killed; the first leads from now on.
  first.refusal = undefined;
  second.stop();
  await eventually(() => expect(first.registered).toHaveLength(1));
  expect(first.registered[0]).toMatchObject({ workerId: 'worker-1' });
  await eventually(() => expect(leases.at(-1)).toEqual(['lease-1', first.address]));
});

test('a database that is away keeps everybody from leading: that is told on, so that trainings last', async () => {
  const only = await plane();
  only.refusal = new TriptychError('UNAVAILABLE', 'The database cannot be reached');
  let told = 0;
  registered(new ControlPlanes({ addresses: [only.address], open }), () => {
    told += 1;
  });
  await eventually(() => expect(told).toBeGreaterThan(1));
  const before = told;
  only.refusal = new TriptychError('NOT_LEADER', 'somebody else does, or did');
  await eventually(() => expect(only.joinTokens.length).toBeGreaterThan(before + 3));
  const after = told;
  await eventually(() => expect(only.joinTokens.length).toBeGreaterThan(before + 6));
  expect(told).toBe(after);
});
