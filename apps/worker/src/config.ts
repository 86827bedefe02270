/** What a worker is told by its environment. Only the control plane's address is required. */
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { BackendChoice } from '@triptych/nn';
import {
  announcedAddress,
  announcedPattern,
  Backend,
  bareHost,
  isLoopback,
  isWildcard,
  Name,
} from '@triptych/protocol';
import { FleetSettings } from '@triptych/runtime';
import { type Static, Type } from 'typebox';

const ADDRESS = '(\\[[0-9a-fA-F:.]+\\]|[^:\\s/,]+):[0-9]{1,5}';

export const WorkerEnvironment = Type.Object({
  TRIPTYCH_CONTROL: Type.String({
    pattern: `^${ADDRESS}(\\s*,\\s*${ADDRESS})*$`,
    description: 'host:port of the control plane (gRPC); of several on one database any, or all, with commas',
  }),
  TRIPTYCH_WORKER_HOST: Type.Optional(
    Type.String({ description: 'Interface to listen on, and the address that the other workers dial' }),
  ),
  TRIPTYCH_WORKER_PORT: Type.Integer({
    minimum: 0,
    maximum: 65535,
    default: 0,
    description: '0: a free one',
  }),
  TRIPTYCH_WORKER_ADVERTISE: Type.Optional(
    Type.String({
      pattern: announcedPattern,
      description: 'host or host:port that the others dial, where it is not the one that is listened on',
    }),
  ),
  ...FleetSettings,
  TRIPTYCH_POOL: Type.String({ ...Name, default: 'default' }),
  TRIPTYCH_BACKEND: Type.Union([Type.Literal('auto'), ...Backend.anyOf], { default: 'auto' }),
  TRIPTYCH_THREADS: Type.Integer({ minimum: 1, maximum: 256, default: 1 }),
  TRIPTYCH_ALLOW_SOFTWARE_GPU: Type.Boolean({
    default: false,
    description: 'webgpu may compute on an adapter that is no GPU (SwiftShader, llvmpipe): for tests, slow',
  }),
  TRIPTYCH_GEMM: Type.Union([Type.Literal('auto'), Type.Literal('own')], {
    default: 'auto',
    description: 'own: matrix products of the backend wasm with the same bits on every machine',
  }),
  TRIPTYCH_DEVICE: Type.Union([Type.Literal('auto'), Type.Literal('cpu'), Type.Literal('gpu')], {
    default: 'auto',
    description: 'gpu: a worker without one does not start; cpu: the GPU is left alone',
  }),
  TRIPTYCH_PRECISION: Type.Union([Type.Literal('float32'), Type.Literal('bf16')], {
    default: 'float32',
    description: 'Of matrix products; bf16 with the backend tensorflow alone',
  }),
  TRIPTYCH_ENGINE_DIR: Type.Optional(
    Type.String({ minLength: 1, description: 'Where `triptych engine install` was told to install' }),
  ),
  TRIPTYCH_CACHE_DIR: Type.String({
    minLength: 1,
    default: join(tmpdir(), `triptych-cache-${userInfo().uid}`),
    description: 'Artifacts that were fetched once stay here',
  }),
  TRIPTYCH_CACHE_GIB: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 50,
    description: 'How large that folder may become; what was used longest ago goes first',
  }),
  TRIPTYCH_ARTIFACTS_URL: Type.Optional(
    Type.String({ pattern: '^file:///', description: 'The artifact folder, where this worker shares it' }),
  ),
  TRIPTYCH_LOG_LEVEL: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) =>
      Type.Literal(level),
    ),
    { default: 'info' },
  ),
});
export type WorkerEnvironment = Readonly<Static<typeof WorkerEnvironment>>;

/** host:port of each control plane that was named. */
export function controlAddresses({ TRIPTYCH_CONTROL: text }: WorkerEnvironment): [string, ...string[]] {
  return text.split(',').map((address) => address.trim()) as [string, ...string[]];
}

/** What the compute thread asks the tensor engine for. */
export const engineOf = (environment: WorkerEnvironment): BackendChoice => ({
  backend: environment.TRIPTYCH_BACKEND,
  threads: environment.TRIPTYCH_THREADS,
  gemm: environment.TRIPTYCH_GEMM,
  allowSoftwareGpu: environment.TRIPTYCH_ALLOW_SOFTWARE_GPU,
  device: environment.TRIPTYCH_DEVICE,
  precision: environment.TRIPTYCH_PRECISION,
  ...(environment.TRIPTYCH_ENGINE_DIR && { engineFolder: environment.TRIPTYCH_ENGINE_DIR }),
});

export interface Endpoint {
  /** Interfaces to bind, the first that is there. */
  readonly bindHosts: readonly string[];
  /** What others dial, by the port that was bound; without a host the control plane puts in the one that it sees. */
  readonly advertised: (port: number) => string;
}

/**
 * Where to listen, and what to announce. Without a word about it: on the loopback interface if the control planes are there as well,
 * otherwise on all interfaces, because the other workers must get through.
 */
export function endpointOf(environment: WorkerEnvironment): Endpoint {
  const host = environment.TRIPTYCH_WORKER_HOST && bareHost(environment.TRIPTYCH_WORKER_HOST);
  const hosts = controlAddresses(environment).map((address) => address.slice(0, address.lastIndexOf(':')));
  const loopback = hosts.some((host) => bareHost(host) === '::1') ? '::1' : '127.0.0.1';
  const near = hosts.every(isLoopback) ? loopback : undefined;
  const own = host ?? near;
  const announced = environment.TRIPTYCH_WORKER_ADVERTISE ?? (own && !isWildcard(own) ? own : '');
  return {
    bindHosts: own === undefined ? EVERYWHERE : [own],
    advertised: (port) => announcedAddress(announced, port),
  };
}

/** IPv6 takes IPv4 in; a machine may have switched it off. */
const EVERYWHERE = ['::', '0.0.0.0'];
