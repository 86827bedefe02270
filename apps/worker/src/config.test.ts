import { readEnvironment } from '@triptych/runtime';
import { expect, test } from 'vitest';
import { controlAddresses, endpointOf, engineOf, WorkerEnvironment } from './config.ts';

const environment = (variables: Record<string, string>) => readEnvironment(WorkerEnvironment, variables);

test('the address of the control plane is enough', () => {
  expect(environment({ TRIPTYCH_CONTROL: 'control-plane:8081' })).toMatchObject({
    TRIPTYCH_WORKER_PORT: 0,
    TRIPTYCH_POOL: 'default',
    TRIPTYCH_BACKEND: 'auto',
    TRIPTYCH_THREADS: 1,
    TRIPTYCH_ALLOW_SOFTWARE_GPU: false,
  });
});

test('the tensor engine is asked for what the environment says', () => {
  expect(engineOf(environment({ TRIPTYCH_CONTROL: 'control-plane:8081' }))).toEqual({
    backend: 'auto',
    threads: 1,
    gemm: 'auto',
    allowSoftwareGpu: false,
    device: 'auto',
    precision: 'float32',
  });
  const variables = {
    TRIPTYCH_CONTROL: 'control-plane:8081',
    TRIPTYCH_BACKEND: 'tensorflow',
    TRIPTYCH_THREADS: '2',
    TRIPTYCH_GEMM: 'own',
    TRIPTYCH_DEVICE: 'gpu',
    TRIPTYCH_PRECISION: 'bf16',
    TRIPTYCH_ENGINE_DIR: '/engine',
  };
  expect(engineOf(environment(variables))).toEqual({
    backend: 'tensorflow',
    threads: 2,
    gemm: 'own',
    allowSoftwareGpu: false,
    device: 'gpu',
    precision: 'bf16',
    engineFolder: '/engine',
  });
});

test('several control planes may be named', () => {
  const several = environment({ TRIPTYCH_CONTROL: 'one:8081, [fd00::2]:8081,three:9' });
  expect(controlAddresses(several)).toEqual(['one:8081', '[fd00::2]:8081', 'three:9']);
  for (const wrong of ['one', 'one:8081,', 'one:8081 two:8081', ',one:8081', 'one:8081,two'])
    expect(() => environment({ TRIPTYCH_CONTROL: wrong })).toThrow('TRIPTYCH_CONTROL');
  const hostsFor = (control: string) => endpointOf(environment({ TRIPTYCH_CONTROL: control })).bindHosts;
  expect(hostsFor('127.0.0.1:1,localhost:2')).toEqual(['127.0.0.1']);
  // One that is elsewhere must reach this worker as well.
  expect(hostsFor('127.0.0.1:1,two:2')).toEqual(['::', '0.0.0.0']);
});

test('every problem is named at once', () => {
  const read = () =>
    environment({ TRIPTYCH_THREADS: 'many', TRIPTYCH_BACKEND: 'abacus', TRIPTYCH_POOL: '-' });
  for (const name of ['TRIPTYCH_CONTROL', 'TRIPTYCH_THREADS', 'TRIPTYCH_BACKEND', 'TRIPTYCH_POOL'])
    expect(read).toThrow(name);
});

test.each([
  ['127.0.0.1:8081', {}, ['127.0.0.1'], '127.0.0.1:7'],
  ['localhost:8081', {}, ['127.0.0.1'], '127.0.0.1:7'],
  ['[::1]:8081', {}, ['::1'], '[::1]:7'],
  ['control-plane:8081', {}, ['::', '0.0.0.0'], ':7'],
  ['[fd00::1]:8081', {}, ['::', '0.0.0.0'], ':7'],
  ['control-plane:8081', { HOST: '0.0.0.0' }, ['0.0.0.0'], ':7'],
  ['control-plane:8081', { HOST: '::' }, ['::'], ':7'],
  ['control-plane:8081', { HOST: '[::]' }, ['::'], ':7'],
  ['control-plane:8081', { HOST: '10.0.0.7' }, ['10.0.0.7'], '10.0.0.7:7'],
  ['control-plane:8081', { HOST: 'fd00::7' }, ['fd00::7'], '[fd00::7]:7'],
  ['control-plane:8081', { ADVERTISE: 'gpu-3' }, ['::', '0.0.0.0'], 'gpu-3:7'],
  ['control-plane:8081', { ADVERTISE: 'gpu-3:9000' }, ['::', '0.0.0.0'], 'gpu-3:9000'],
  ['control-plane:8081', { HOST: '10.0.0.7', ADVERTISE: 'fd00::9' }, ['10.0.0.7'], '[fd00::9]:7'],
  ['control-plane:8081', { HOST: '0.0.0.0', ADVERTISE: '[fd00::9]:9000' }, ['0.0.0.0'], '[fd00::9]:9000'],
])('control plane at %s, %j: binds %j, is dialled at "%s"', (control, said, bindHosts, announced) => {
  const settings = Object.entries(said).map(([name, value]) => [`TRIPTYCH_WORKER_${name}`, value]);
  const endpoint = endpointOf(environment({ TRIPTYCH_CONTROL: control, ...Object.fromEntries(settings) }));
  expect(endpoint.bindHosts).toEqual(bindHosts);
  expect(endpoint.advertised(7)).toBe(announced);
});

test.each(['http://gpu-3', 'gpu-3:port', 'a b', '[fd00::9'])('%j is nothing to announce', (address) => {
  expect(() => environment({ TRIPTYCH_WORKER_ADVERTISE: address })).toThrow('TRIPTYCH_WORKER_ADVERTISE');
});
