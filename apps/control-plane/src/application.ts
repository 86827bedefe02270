/**
 * The control plane put together: what is opened, in which order, and who is handed to whom. Everything is closed in the
 * reverse order: no more requests, runs handed over, workers hung up on, and the database last.
 */
import type { TlsIdentity } from '@triptych/protocol';
import { certificateEnds, createMetrics, type Logger, watchCertificates } from '@triptych/runtime';
import { openStore } from '@triptych/storage';
import { Authenticator } from './access/authenticator.ts';
import { Registrar } from './datasets/registrar.ts';
import { createGrpcServer } from './grpc/create-grpc-server.ts';
import { defaultLimits } from './http/limits.ts';
import { listen } from './http/listen.ts';
import { isOwnMachine } from './http/request-origin.ts';
import { buildServer } from './http/server.ts';
import { ControlMetrics } from './metrics/control-metrics.ts';
import { registerRecordGauges } from './metrics/record-gauges.ts';
import { Predictor } from './predictions/predictor.ts';
import { createQueue } from './queue/create-queue.ts';
import { FleetList } from './registry/fleet-list.ts';
import { createRegistry } from './registry/worker-registry.ts';
import { ArtifactCollection } from './retention/collection.ts';
import { Housekeeping } from './retention/housekeeping.ts';
import { artifactReferences } from './store/artifact-references.ts';
import { AuditLog } from './store/audit-log.ts';
import { type Database, openDatabase } from './store/database.ts';
import { DatasetStore } from './store/dataset-store.ts';
import { LoginStore } from './store/login-store.ts';
import { migrate } from './store/migrator.ts';
import { describeModel } from './store/model-description.ts';
import { ModelStore } from './store/model-store.ts';
import { PrismaRunStore } from './store/prisma-run-store.ts';
import { PrismaWorkerStore } from './store/prisma-worker-store.ts';
import { RecordDeletion } from './store/record-deletion.ts';
import { RunHistory } from './store/run-history.ts';
import { RunNotifier } from './store/run-notifier.ts';
import { RunSubmission } from './store/run-submission.ts';
import { TokenStore } from './store/token-store.ts';
import { createSupervisor } from './supervisor/supervisor.ts';
import { TrainerClients } from './supervisor/trainer-clients.ts';

export interface ApplicationConfig {
  readonly databaseUrl: string;
  /** `redis://` or `postgres://`. */
  readonly queueUrl: string;
  readonly artifactsUrl: string;
  readonly http: Endpoint;
  /** Names by which browsers reach the page, beside those of this machine. */
  readonly publicHosts?: readonly string[];
  /** Folders inside which requests may name folders; none: any. */
  readonly dataRoots?: readonly string[];
  readonly access?: AccessConfig;
  readonly grpc: Endpoint;
  /** What workers show to register, one of them; none: nobody is asked. */
  readonly joinTokens?: readonly string[];
  /** Off: nobody is asked who they are; workers are where there are join tokens. */
  readonly auth?: 'on' | 'off';
  /** For every gRPC link; without it they are plain. */
  readonly tls?: TlsIdentity | undefined;
  /** By default runs are kept for ever, and artifacts that nothing refers to for ten minutes. */
  readonly retention?: { readonly runDays?: number; readonly graceMs?: number };
  /** Connections to the database, beside the few of the queue. */
  readonly databaseConnections?: number;
  readonly version: string;
  readonly logger: Logger;
}

export interface AccessConfig {
  readonly adminToken?: string | undefined;
  readonly trustedProxies?: readonly string[];
  readonly requestsPerMinute?: number;
  /** For how long the audit is kept; 0: for ever. */
  readonly auditDays?: number;
}

export interface Endpoint {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
}

export interface Ports {
  readonly httpPort: number;
  readonly grpcPort: number;
}

export interface Application extends Ports {
  /** Hands live runs over to whoever supervises next; their workers go on training. */
  close(): Promise<void>;
}

/** Rejects where a part cannot be started, after closing those that were. */
export async function buildApplication(config: ApplicationConfig): Promise<Application> {
  const closers: Close[] = [];
  try {
    const ports = await start(config, (close) => closers.push(close));
    return { ...ports, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers).catch((err: unknown) => config.logger.warn({ err }, 'Closing failed, too'));
    throw error;
  }
}

type Close = () => void | Promise<void>;

async function start(config: ApplicationConfig, onClose: (close: Close) => void): Promise<Ports> {
  const { databaseUrl, logger } = config;
  const applied = await migrate({ databaseUrl });
  if (applied.length > 0) logger.info({ event: 'migrated', applied }, `Applied ${applied.join(', ')}`);

  const registry = createMetrics();
  const metrics = new ControlMetrics(registry);
  const certificates = certificateEnds(config.tls);
  metrics.certificates(certificates);
  const watch = watchCertificates(certificates, { logger });
  onClose(() => watch[Symbol.dispose]());
  const artifacts = openStore(config.artifactsUrl);
  const database = openDatabase({ url: databaseUrl, ...connectionsOf(config) });
  onClose(() => database.close());
  const { authenticator, tokens } = await openAccess(config, database);
  const audit = new AuditLog(database);
  onClose(keepAuditShort(audit, config));
  const notifier = new RunNotifier();
  const runs = new PrismaRunStore({
    database,
    notifier,
    describeModel: (artifact) => describeModel(artifacts, artifact),
    observer: metrics,
  });
  const history = new RunHistory(database);
  const workerStore = new PrismaWorkerStore(database);

  const fleet = createRegistry({ store: workerStore, logger });
  const workers = new FleetList(workerStore, fleet);
  onClose(() => fleet.close());
  const { joinTokens, auth = 'on', tls } = config;
  const ownPorts = new Set<number>();
  const grpc = await createGrpcServer({
    ...{ ...config.grpc, registry: fleet, store: artifacts, logger, auth, tls, ownPorts },
    ...(joinTokens && { joinTokens }),
  });
  onClose(() => grpc.close());
  const onError = (err: Error) => logger.warn({ event: 'queue-error', err }, 'The queue reports an error');
  const queue = await createQueue({ url: config.queueUrl, onError });
  onClose(() => queue.close());
  registerRecordGauges(registry, {
    census: () => history.census(),
    demand: () => history.demand(),
    recent: () => history.recent(new Date(Date.now() - KEPT_AFTER_END_MS)),
    workers: () => workers.list({ now: new Date() }),
    queueDepth: () => queue.depth(),
    ping: () => database.ping(),
    connections: () => database.connections(),
    artifactSpace: async () => artifacts.space?.(),
  });
  const clients = new TrainerClients({ registry: fleet, tls });
  onClose(() => clients.close());
  const supervisor = createSupervisor({
    ...{ runs, registry: fleet, queue, notifier, clients, logger, metrics: registry },
  });
  onClose(() => supervisor.close());
  await supervisor.start();

  // After the scheduler, which so comes first where a worker becomes free.
  const predictor = new Predictor({ registry: fleet, clients, logger });
  const { graceMs, runDays } = config.retention ?? {};
  const collection = new ArtifactCollection({
    ...{ artifacts, logger, references: () => artifactReferences(database) },
    ...(graceMs !== undefined && { graceMs }),
    onRemoved: (removed) => metrics.collected(removed),
  });
  const deletion = new RecordDeletion(database);
  const housekeeping = new Housekeeping({
    ...{ collection, deletion, workers: workerStore, logger },
    ...(runDays !== undefined && { runDays }),
  });
  onClose(() => housekeeping.close());
  housekeeping.start();
  const datasets = new DatasetStore(database);
  const registrar = new Registrar({ datasets, artifacts, collection, notifier, logger });
  onClose(() => registrar.close());
  registrar.start();
  const services = {
    ...{ database, runs, history, workers, queue, artifacts, notifier, metrics, registry, predictor },
    dataRoots: config.dataRoots ?? [],
    ...{ authenticator, tokens, audit },
    submission: new RunSubmission(database),
    ...{ datasets, registrar },
    models: new ModelStore(database),
    ...{ deletion, collection, housekeeping },
  };
  const { http, publicHosts = [], access = {}, version } = config;
  const { trustedProxies = [], requestsPerMinute = defaultLimits.requestsPerMinute } = access;
  const server = await buildServer({
    ...{ services, logger, version, trustedProxies },
    origins: { listensOn: http.host, publicHosts },
    limits: { ...defaultLimits, requestsPerMinute },
  });
  onClose(() => server.close());
  const httpPort = await listen(server, config.http);
  ownPorts.add(httpPort);

  return { httpPort, grpcPort: grpc.port };
}

/** `ILLEGAL_STATE` where others reach the port and nobody could log in. */
async function openAccess(
  { http, publicHosts = [], access = {}, auth = 'on', logger }: ApplicationConfig,
  database: Database,
) {
  const tokens = new TokenStore(database);
  const authenticator = new Authenticator({
    ...{ tokens, logins: new LoginStore(database) },
    required: auth === 'on',
    adminToken: access.adminToken,
    isLocal: isOwnMachine(http.host) && publicHosts.length === 0,
  });
  await authenticator.assertMayListen();
  if (!(await authenticator.isAsking()))
    logger.warn(
      { event: 'access-open' },
      authenticator.isRequired
        ? 'There is no API token yet: whoever is on this machine may do everything. The first token ends that'
        : 'TRIPTYCH_AUTH is off: whoever reaches the HTTP port may do everything',
    );
  return { authenticator, tokens };
}

const DAY_MS = 24 * 3_600_000;

/** Forgets what is older than the configuration says, now and every hour. */
function keepAuditShort(audit: AuditLog, { access = {}, logger }: ApplicationConfig): Close {
  const { auditDays = 365 } = access;
  if (auditDays === 0) return () => undefined;
  const prune = () =>
    void audit
      .prune(new Date(Date.now() - auditDays * DAY_MS))
      .catch((err: unknown) =>
        logger.warn({ event: 'audit-prune-failed', err }, 'The audit could not be shortened'),
      );
  prune();
  const timer = setInterval(prune, 3_600_000).unref();
  return () => clearInterval(timer);
}

/** For how long a scrape still tells of a run that ended: its final scores are written with its end. */
const KEPT_AFTER_END_MS = 5 * 60_000;

/** The last opened first. One that fails does not keep the others from closing. */
async function closeAll(closers: Close[]): Promise<void> {
  const failures: unknown[] = [];
  for (let close = closers.pop(); close; close = closers.pop()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed');
}

const connectionsOf = ({ databaseConnections: connections }: ApplicationConfig) =>
  connections === undefined ? {} : { connections };
