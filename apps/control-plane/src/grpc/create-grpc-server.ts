/** The control plane's gRPC server: the one address that a worker needs. */
import { Server } from '@grpc/grpc-js';
import {
  control,
  formatHostPort,
  guarding,
  leader,
  patientChannelOptions,
  serverCredentials,
  type TlsIdentity,
  TriptychError,
} from '@triptych/protocol';
import { type ControlServiceOptions, controlChecks, controlService } from './control-service.ts';
import { answersAs } from './identify.ts';
import { assertMayListen } from './join-tokens.ts';
import { isLeaderCall, type LeaderHere, leaderCheck, leaderService } from './leader-service.ts';

export interface GrpcServerOptions extends Omit<ControlServiceOptions, 'answersAs' | 'ownPorts'> {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  /** What workers show to register, one of them; none: nobody is asked, which only loopback may be without. */
  readonly joinTokens?: readonly string[];
  readonly auth?: 'on' | 'off';
  readonly tls?: TlsIdentity | undefined;
  /** What this control plane is for the others while it leads. */
  readonly leader?: () => LeaderHere | undefined;
  /** Where else this process listens; what is added later counts. */
  readonly ownPorts?: Set<number>;
}

export interface GrpcServer {
  readonly port: number;
  /** Lets calls that are under way finish for `graceMs`, then ends them. */
  close(graceMs?: number): Promise<void>;
}

/** @throws TriptychError `UNAVAILABLE` where the address is taken; `INVALID_INPUT` where anybody could join. */
export async function createGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, joinTokens = [], auth = 'on', tls, ownPorts = new Set<number>() } = options;
  const { logger, leader: leading = nobody } = options;
  assertMayListen({ host, joinTokens, auth });
  const server = new Server({
    // Of each worker one connection belongs to the thread that computes.
    ...patientChannelOptions,
    interceptors: [guarding(checksOf(options, joinTokens))],
  });
  const service = controlService({ ...options, answersAs: answersAs(tls), ownPorts });
  server.addService(control.ControlService, service);
  server.addService(leader.LeaderService, leaderService({ logger, leader: leading }));
  const address = formatHostPort(host, options.port);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, serverCredentials(tls), (cause, bound) =>
      cause ? reject(cannotListen(address, cause)) : resolve(bound),
    );
  });
  ownPorts.add(port);
  return { port, close: (graceMs = 1000) => shutDown(server, graceMs) };
}

const nobody = () => undefined;

function checksOf({ registry, leader: leading = nobody }: GrpcServerOptions, joinTokens: readonly string[]) {
  const ofWorkers = controlChecks({ registry, joinTokens });
  const ofControlPlanes = leaderCheck({ leader: leading });
  return (path: string) => (isLeaderCall(path) ? ofControlPlanes : ofWorkers(path));
}

async function shutDown(server: Server, graceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
    timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
  });
  clearTimeout(timer);
}

const cannotListen = (address: string, cause: Error): TriptychError =>
  new TriptychError(
    'UNAVAILABLE',
    `Cannot listen on ${address}: ${cause.message}; choose another TRIPTYCH_GRPC_HOST or TRIPTYCH_GRPC_PORT`,
    {
      cause,
    },
  );
