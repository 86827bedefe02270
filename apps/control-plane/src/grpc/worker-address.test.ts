import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { workerAddress } from './worker-address.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  'worker-3': ['10.0.0.3'],
  metadata: ['169.254.169.254'],
  'two-faced': ['10.0.0.3', '127.0.0.1'],
  localhost: ['127.0.0.1', '::1'],
};
const resolve = async (name: string): Promise<readonly string[]> => {
  const found = names[name];
  if (!found) throw new Error('ENOTFOUND');
  return found;
};
const announced = (address: string, peer: string) =>
  workerAddress({ address, peer, resolve, ownPorts: new Set([8080, 8081]) });

test.each([
  ['worker-3:7000', '10.0.0.7:53210', 'worker-3:7000'],
  ['WORKER-3:7000', '10.0.0.7:53210', 'worker-3:7000'],
  ['192.168.1.2:7000', '10.0.0.7:53210', '192.168.1.2:7000'],
  ['[fd00::2]:7000', '10.0.0.7:53210', '[fd00::2]:7000'],
  ['[FD00:0::0002]:7000', '10.0.0.7:53210', '[fd00::2]:7000'],
  ['[::ffff:10.0.0.8]:7000', '10.0.0.7:53210', '10.0.0.8:7000'],
  [':7000', '10.0.0.7:53210', '10.0.0.7:7000'],
  [':7000', 'ipv4:10.0.0.7:53210', '10.0.0.7:7000'],
  [':7000', '::ffff:10.0.0.7:53210', '10.0.0.7:7000'],
  [':7000', '[::ffff:10.0.0.7]:53210', '10.0.0.7:7000'],
  [':7000', '::1:53210', '[::1]:7000'],
  [':7000', '[fd00::9]:53210', '[fd00::9]:7000'],
  [':8081', '10.0.0.7:53210', '10.0.0.7:8081'],
  ['127.0.0.1:7000', '127.0.0.1:53210', '127.0.0.1:7000'],
  ['localhost:7000', '[::1]:53210', 'localhost:7000'],
])('%s seen from %s is %s', async (address, peer, expected) => {
  expect(await announced(address, peer)).toBe(expected);
});

test('a worker that came over this machine’s own address may be on its loopback', async () => {
  const outward = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal);
  const peer = outward?.address ?? '127.0.0.1';
  expect(await announced('127.0.0.1:7000', `${peer}:1`)).toBe('127.0.0.1:7000');
  await expect(announced(`${peer}:8081`, `${peer}:1`)).rejects.toThrow(/the control plane itself/);
});

test.each([
  ...[
    '',
    '7000',
    'host',
    'host:',
    'host:0',
    'host:70000',
    'a b:1',
    'http://host:1',
    '::1:7000',
    '[x]:7000',
  ].map((address) => [address, /host:port/] as const),
  ['elsewhere:7000', /can look up/],
  ['127.0.0.1:7000', /other machines reach the worker/],
  ['[::1]:7000', /other machines reach the worker/],
  ['[::ffff:127.0.0.1]:7000', /other machines reach the worker/],
  ['localhost:7000', /other machines reach the worker/],
  ['two-faced:7000', /other machines reach the worker/],
  ['169.254.169.254:80', /link-local and metadata/],
  ['[::ffff:169.254.169.254]:80', /link-local and metadata/],
  ['[64:ff9b::a9fe:a9fe]:80', /link-local and metadata/],
  ['[::169.254.169.254]:80', /link-local and metadata/],
  ['metadata:80', /link-local and metadata/],
  ['[fe80::1]:7000', /link-local and metadata/],
  ['[fd00:ec2::254]:80', /link-local and metadata/],
  ['0.0.0.0:7000', /link-local and metadata/],
  ['[::]:7000', /link-local and metadata/],
  ['255.255.255.255:7000', /link-local and metadata/],
  ['239.1.2.3:7000', /link-local and metadata/],
] as const)(
  '%j is refused for a worker elsewhere, with the reason and what to set',
  async (address, reason) => {
    const refused = announced(address, '10.0.0.7:1');
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(refused).rejects.toThrow(reason);
    await expect(refused).rejects.toThrow(/TRIPTYCH_WORKER_ADVERTISE/);
  },
);

test.each(['127.0.0.1:8081', '[::1]:8081', '127.9.9.9:8080', 'localhost:8081'])(
  '%s is the control plane itself',
  async (address) => {
    await expect(announced(address, '127.0.0.1:1')).rejects.toThrow(/the control plane itself/);
  },
);
