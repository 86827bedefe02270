/** Entry point of a control plane: reads its configuration, starts the application, ends it on a signal. */
import { createRequire } from 'node:module';
import { delimiter } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import { createLogger, readEnvironment, readJoinTokens, readTls, Shutdown } from '@triptych/runtime';
import { buildApplication } from './application.ts';
import { ControlPlaneEnvironment, connectionsOf } from './config.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

try {
  await start(readEnvironment(ControlPlaneEnvironment, process.env));
} catch (error) {
  const expected = error instanceof TriptychError;
  createLogger({ name: 'control-plane' }).fatal(
    { event: 'start-failed', ...(expected ? { code: error.code } : { err: error }) },
    error instanceof Error ? error.message : String(error),
  );
  process.exit(1);
}

async function start(environment: ControlPlaneEnvironment): Promise<void> {
  const logger = createLogger({ name: 'control-plane', level: environment.TRIPTYCH_LOG_LEVEL });
  const shutdown = new Shutdown({ logger });
  shutdown.listen();
  const application = await buildApplication({
    ...connectionsOf(environment),
    artifactsUrl: environment.ARTIFACTS_URL,
    http: { host: environment.TRIPTYCH_HTTP_HOST, port: environment.TRIPTYCH_HTTP_PORT },
    publicHosts: listOf(environment.TRIPTYCH_PUBLIC_HOSTS),
    access: {
      adminToken: environment.TRIPTYCH_ADMIN_TOKEN,
      trustedProxies: listOf(environment.TRIPTYCH_TRUSTED_PROXIES),
      requestsPerMinute: environment.TRIPTYCH_REQUESTS_PER_MINUTE,
      auditDays: environment.TRIPTYCH_AUDIT_DAYS,
    },
    dataRoots: environment.TRIPTYCH_DATA_ROOTS.split(delimiter).filter(Boolean),
    grpc: {
      host: environment.TRIPTYCH_GRPC_HOST,
      port: environment.TRIPTYCH_GRPC_PORT,
      advertise: environment.TRIPTYCH_GRPC_ADVERTISE,
    },
    auth: environment.TRIPTYCH_AUTH,
    joinTokens: readJoinTokens(environment),
    tls: readTls(environment, { role: 'control-plane' }),
    retention: {
      runDays: environment.TRIPTYCH_RETENTION_RUN_DAYS,
      graceMs: environment.TRIPTYCH_RETENTION_GRACE_MINUTES * 60_000,
    },
    databaseConnections: environment.TRIPTYCH_DATABASE_CONNECTIONS,
    version,
    logger,
  });
  shutdown.register('application', () => application.close());
  const { httpPort, grpcPort, leadership } = application;
  const role = leadership.isLeading ? 'leader' : 'follower';
  logger.info(
    { event: 'listening', httpPort, grpcPort, role, version },
    `Listening on ${httpPort} (HTTP) and ${grpcPort} (gRPC)`,
  );
}

// Hoisted: what is above runs before the end of this file is reached.
function listOf(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
}
