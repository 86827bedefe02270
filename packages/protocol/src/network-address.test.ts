import { expect, test } from 'vitest';
import { canonicalHost, formatHostPort, isLoopback, isWildcard, parseHostPort } from './network-address.ts';

test.each([
  ['10.0.0.7:1', { host: '10.0.0.7', port: 1 }],
  ['gpu-3.example:65535', { host: 'gpu-3.example', port: 65_535 }],
  [':7000', { host: '', port: 7000 }],
  ['[::1]:7000', { host: '::1', port: 7000 }],
  ['[fe80::1%eth0]:7000', { host: 'fe80::1%eth0', port: 7000 }],
])('%s is a host and a port', (text, parts) => {
  expect(parseHostPort(text)).toEqual(parts);
  expect(formatHostPort(parts.host, parts.port)).toBe(text);
});

test.each(['', 'host', '::1:7000', '[::1]', '[host]:1', 'host:0', 'host:65536', 'a@host:1', 'a b:1'])(
  '%j is not',
  (text) => {
    expect(parseHostPort(text)).toBeUndefined();
  },
);

test.each([
  ['::FFFF:10.0.0.7', '10.0.0.7'],
  ['[::ffff:0a00:0007]', '10.0.0.7'],
  ['FD00:0:0::0002', 'fd00::2'],
  ['fe80::1%eth0', 'fe80::1%eth0'],
  ['GPU-3.', 'gpu-3'],
])('%s is written %s', (host, canonical) => {
  expect(canonicalHost(host)).toBe(canonical);
});

test('what is this machine, and what is any of its addresses', () => {
  for (const host of [
    'localhost',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
  ])
    expect([host, isLoopback(host)]).toEqual([host, true]);
  for (const host of ['', '0.0.0.0', '128.0.0.1', 'localhost.example', '::2'])
    expect([host, isLoopback(host)]).toEqual([host, false]);
  expect(['0.0.0.0', '::', '[::]', '0:0:0:0:0:0:0:0'].every(isWildcard)).toBe(true);
  expect(isWildcard('10.0.0.1')).toBe(false);
});
