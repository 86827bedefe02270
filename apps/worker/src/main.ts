/** Entry point of a worker process: reads its configuration, starts its parts in order, and ends them in reverse. */
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Server } from '@grpc/grpc-js';
import { PeerHub } from '@triptych/collective';
import {
  channelOptions,
  channelTo,
  control,
  drawSecret,
  guarding,
  serverCredentials,
  TriptychError,
  worker,
} from '@triptych/protocol';
import {
  certificateEnds,
  createLogger,
  eventLoopLag,
  type Logger,
  readEnvironment,
  readJoinTokens,
  readTls,
  Shutdown,
  watchCertificates,
} from '@triptych/runtime';
import { ComputeThread } from './compute/compute-thread.ts';
import { controlAddresses, endpointOf, engineOf, WorkerEnvironment } from './config.ts';
import { ControlPlanes } from './control-planes.ts';
import { listen } from './listen.ts';
import { Registration } from './registration.ts';
import { Trainer } from './trainer.ts';
import { trainerChecks, trainerService } from './trainer-service.ts';

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

  const tls = readTls(environment, { role: 'worker' });
  watchCertificates(certificateEnds(tls), { logger });
  const joinTokens = readJoinTokens(environment);
  const addresses = controlAddresses(environment);
  const compute = await ComputeThread.start({
    settings: {
      engine: engineOf(environment),
      control: addresses[0],
      tls,
      ...artifactsOf(environment, logger),
      version,
    },
    logger,
  });
  shutdown.register('compute thread', () => compute.close());

  const hub = new PeerHub({ tls });
  const trainer = new Trainer({ compute, hub, logger, workerId: () => registration.workerId });
  const secret = drawSecret();
  const server = new Server({ ...channelOptions, interceptors: [guarding(trainerChecks(secret))] });
  server.addService(worker.TrainerService, trainerService({ trainer, secret, logger }));
  hub.addTo(server);
  shutdown.register('gRPC server', () => server.forceShutdown());
  const { bindHosts, advertised } = endpointOf(environment);
  const port = await listen(server, {
    ...{ hosts: bindHosts, port: environment.TRIPTYCH_WORKER_PORT, credentials: serverCredentials(tls) },
  });

  const controlPlane = new ControlPlanes({
    addresses,
    open: (address) => new control.ControlClient(address, ...channelTo('control-plane', tls, channelOptions)),
  });
  const lag = eventLoopLag();
  const { backend, device, threads } = compute.description;
  const registration = new Registration({
    control: controlPlane,
    logger,
    signal: shutdown.signal,
    joinTokens,
    onLease: (secret) => compute.present({ secret, control: controlPlane.address }),
    onNobodyLeads: () => trainer.nobodyLeads(),
    identity: () => ({
      address: advertised(port),
      trainerSecret: secret,
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
function artifactsOf(
  environment: WorkerEnvironment,
  logger: Logger,
): { artifactsFolder: string; cacheBytes?: number } {
  const url = environment.TRIPTYCH_ARTIFACTS_URL;
  const cache = {
    artifactsFolder: environment.TRIPTYCH_CACHE_DIR,
    cacheBytes: environment.TRIPTYCH_CACHE_GIB * 2 ** 30,
  };
  if (!url) return cache;
  const folder = fileURLToPath(url);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK);
    return { artifactsFolder: folder };
  } catch (err) {
    logger.warn(
      { event: 'artifacts-unreachable', folder, err },
      'Artifacts come through the control plane instead',
    );
    return cache;
  }
}

/** What a container grants, or all that the machine has. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
