import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { workerAddress } from './worker-address.ts';

test.each([
  ['worker-3:7000', '10.0.0.7:53210', 'worker-3:7000'],
  ['192.168.1.2:7000', '10.0.0.7:53210', '192.168.1.2:7000'],
  ['[fd00::2]:7000', '10.0.0.7:53210', '[fd00::2]:7000'],
  [':7000', '10.0.0.7:53210', '10.0.0.7:7000'],
  [':7000', 'ipv4:10.0.0.7:53210', '10.0.0.7:7000'],
  [':7000', '::ffff:10.0.0.7:53210', '10.0.0.7:7000'],
  [':7000', '[::ffff:10.0.0.7]:53210', '10.0.0.7:7000'],
  [':7000', '::1:53210', '[::1]:7000'],
  [':7000', '[fd00::9]:53210', '[fd00::9]:7000'],
])('%s seen from %s is %s', (address, peer, expected) => {
  expect(workerAddress(address, peer)).toBe(expected);
});

test.each(['', '7000', 'host', 'host:', 'host:0', 'host:70000', 'a b:1', 'http://host:1'])(
  '%j is refused',
  (address) => {
    expect(() => workerAddress(address, '10.0.0.7:1')).toThrow(TriptychError);
  },
);
