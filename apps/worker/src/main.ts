/** Entry point of a worker process: reads its configuration, starts its parts in order, and ends them in reverse. */
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { PeerHub } from '@triptych/collective';
import { ClientSource, channelOptions, control, TriptychError, worker } from '@triptych/protocol';
import { createLogger, eventLoopLag, type Logger, readEnvironment, Shutdown } from '@triptych/runtime';
import { ComputeThread } from './compute/compute-thread.ts';
import { endpointOf, engineOf, WorkerEnvironment } from './config.ts';
import { Registration } from './registration.ts';
import { Trainer } from './trainer.ts';
import { trainerService } from './trainer-service.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

try {
  await start(readEnvironment(WorkerEnvironment, process.env));
} catch (error) {
  const logger = createLogger({ name: 'worker' });
  const expected = error instanceof TriptychError;
  logger.fatal(
    { event: 'start-failed', ...(expected ? { code: error.code } : { err: error }) },
    (error as Error).message,
  );
  process.exit(1);
}

async function start(environment: WorkerEnvironment): Promise<void> {
  const logger = createLogger({ name: 'worker', level: environment.TRIPTYCH_LOG_LEVEL });
  const shutdown = new Shutdown({ logger });
  shutdown.listen();

  const compute = await ComputeThread.start({
    settings: {
      engine: engineOf(environment),
      control: environment.TRIPTYCH_CONTROL,
      artifactsFolder: artifactsFolderOf(environment, logger),
      version,
    },
    logger,
  });
  shutdown.register('compute thread', () => compute.close());

  const hub = new PeerHub();
  const trainer = new Trainer({ compute, hub, logger, workerId: () => registration.workerId });
  const server = new Server(channelOptions);
  server.addService(worker.TrainerService, trainerService(trainer, logger));
  hub.addTo(server);
  shutdown.register('gRPC server', () => server.forceShutdown());
  const { bindHost, advertisedHost } = endpointOf(environment);
  const bind = promisify(server.bindAsync.bind(server));
  const address = `${bindHost}:${environment.TRIPTYCH_WORKER_PORT}`;
  const port = await bind(address, ServerCredentials.createInsecure()).catch((cause: Error) => {
    const remedy = 'choose another TRIPTYCH_WORKER_PORT, or 0 for a free one';
    throw new TriptychError('UNAVAILABLE', `Cannot listen on ${address}: ${cause.message}; ${remedy}`, {
      cause,
    });
  });

  const controlPlane = new ClientSource(
    () =>
      new control.ControlClient(environment.TRIPTYCH_CONTROL, credentials.createInsecure(), channelOptions),
  );
  const lag = eventLoopLag();
  const { backend, device, threads } = compute.description;
  const registration = new Registration({
    control: controlPlane,
    logger,
    signal: shutdown.signal,
    identity: () => ({
      address: `${advertisedHost}:${port}`,
      pool: environment.TRIPTYCH_POOL,
      ...{ backend, device, threads, version, numerics: compute.numerics },
      memoryBytes: memoryBytes(),
      assignments: trainer.assignments(),
    }),
    condition: () => ({
      assignments: trainer.assignments(),
      memoryUsedBytes: process.memoryUsage.rss(),
      eventLoopLagMs: lag.read().p99Ms,
      draining: trainer.draining,
    }),
    onFirst: (workerId) =>
      logger.info(
        { event: 'listening', port, workerId, ...compute.description, numerics: compute.numerics },
        `Worker ${workerId} listens on ${port}`,
      ),
  });
  shutdown.register('registration', async () => {
    await registration.leave('shutdown');
    controlPlane.close();
    lag[Symbol.dispose]();
  });
  shutdown.register('trainer', () => trainer.drain('shutdown'));
  // A worker that cannot compute any more would fail every run that is placed on it. Whoever started it starts it again.
  void compute.lost.then(async (err) => {
    logger.fatal({ event: 'engine-lost', err }, 'The tensor engine does not start again: the worker ends');
    await shutdown.run('the tensor engine is lost');
    process.exit(1);
  });
}

/** The shared folder where it was named and is really there; otherwise a cache, filled through the control plane. */
function artifactsFolderOf(environment: WorkerEnvironment, logger: Logger): string {
  const url = environment.TRIPTYCH_ARTIFACTS_URL;
  if (!url) return environment.TRIPTYCH_CACHE_DIR;
  const folder = fileURLToPath(url);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK);
    return folder;
  } catch (err) {
    logger.warn(
      { event: 'artifacts-unreachable', folder, err },
      'Artifacts come through the control plane instead',
    );
    return environment.TRIPTYCH_CACHE_DIR;
  }
}

/** What a container grants, or all that the machine has. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
