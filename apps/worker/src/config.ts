/** What a worker is told by its environment. Only the control plane's address is required. */
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { BackendChoice } from '@triptych/nn';
import { Backend, Name } from '@triptych/protocol';
import { type Static, Type } from 'typebox';

export const WorkerEnvironment = Type.Object({
  TRIPTYCH_CONTROL: Type.String({
    pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s/]+):[0-9]{1,5}$',
    description: 'host:port of the control plane (gRPC)',
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
  /** Interface to bind. */
  readonly bindHost: string;
  /** What others dial; empty: the control plane puts in the address that it sees. */
  readonly advertisedHost: string;
}

/**
 * Where to listen. Without a word about it: on the loopback interface if the control plane is there as well, otherwise on all
 * interfaces, because the other workers must get through.
 */
export function endpointOf(environment: WorkerEnvironment): Endpoint {
  const host = environment.TRIPTYCH_WORKER_HOST;
  if (host === '0.0.0.0' || host === '::') return { bindHost: host, advertisedHost: '' };
  if (host) return { bindHost: host, advertisedHost: host };
  const controlHost = environment.TRIPTYCH_CONTROL.slice(0, environment.TRIPTYCH_CONTROL.lastIndexOf(':'));
  return LOOPBACK.test(controlHost)
    ? { bindHost: '127.0.0.1', advertisedHost: '127.0.0.1' }
    : { bindHost: '0.0.0.0', advertisedHost: '' };
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
