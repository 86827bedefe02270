/** The control plane's gRPC server: the one address that a worker needs. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { control, patientChannelOptions, TriptychError } from '@triptych/protocol';
import { type ControlServiceOptions, controlService } from './control-service.ts';

export interface GrpcServerOptions extends ControlServiceOptions {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
}

export interface GrpcServer {
  readonly port: number;
  /** Lets calls that are under way finish for `graceMs`, then ends them. */
  close(graceMs?: number): Promise<void>;
}

/** @throws TriptychError `UNAVAILABLE` where the address is taken. */
export async function createGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server({
    // Of each worker one connection belongs to the thread that computes.
    ...patientChannelOptions,
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
  });
  server.addService(control.ControlService, controlService(options));
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, ServerCredentials.createInsecure(), (cause, bound) =>
      cause ? reject(cannotListen(`${host}:${options.port}`, cause)) : resolve(bound),
    );
  });
  return { port, close: (graceMs = 1000) => shutDown(server, graceMs) };
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
    `Cannot listen on ${address}: ${cause.message}; choose another TRIPTYCH_GRPC_PORT`,
    {
      cause,
    },
  );
