/**
 * The control plane put together: what is opened, in which order, and who is handed to whom. Everything is closed in the reverse
 * order: runs handed over and workers hung up on where it leads, no more requests, and the database last.
 */
import { hostname } from 'node:os';
import { announcedAddress, isWildcard, type TlsIdentity } from '@triptych/protocol';
import { certificateEnds, createMetrics, type Logger, watchCertificates } from '@triptych/runtime';
import { openStore } from '@triptych/storage';
import { Authenticator } from './access/authenticator.ts';
import { createGrpcServer } from './grpc/create-grpc-server.ts';
import { defaultLimits } from './http/limits.ts';
import { listen } from './http/listen.ts';
import { isOwnMachine } from './http/request-origin.ts';
import { buildServer } from './http/server.ts';
import { type Close, closeAll } from './leadership/close-all.ts';
import { FleetDoor } from './leadership/fleet-door.ts';
import { dutiesAnywhere } from './leadership/leader-duties.ts';
import { type LeaderOffice, type OfficeParts, openOffice } from './leadership/leader-office.ts';
import { Leadership } from './leadership/leadership.ts';
import { RemoteLeader } from './leadership/remote-leader.ts';
import type { Term } from './leadership/term.ts';
import { ControlMetrics } from './metrics/control-metrics.ts';
import { registerRecordGauges } from './metrics/record-gauges.ts';
import { createQueue } from './queue/create-queue.ts';
import { FleetList } from './registry/fleet-list.ts';
import { ArtifactHolds } from './store/artifact-holds.ts';
import { AuditLog } from './store/audit-log.ts';
import { type Database, openDatabase } from './store/database.ts';
import { DatasetStore } from './store/dataset-store.ts';
import { type LeaderContact, readLeader } from './store/leader-record.ts';
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
import { SupervisorMetrics } from './supervisor/supervisor-metrics.ts';

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
  /** `advertise`: host, or host:port, at which others reach it where that is not the one that is listened on. */
  readonly grpc: Endpoint & { readonly advertise?: string | undefined };
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
  readonly leadership: Pick<Leadership<LeaderOffice>, 'isLeading' | 'self'>;
  /** Hands live runs over to whoever supervises next; their workers go on training. */
  close(): Promise<void>;
}

/** Rejects where a part cannot be started, after closing those that were. */
export async function buildApplication(config: ApplicationConfig): Promise<Application> {
  const closers: Close[] = [];
  try {
    const started = await start(config, (close) => closers.push(close));
    return { ...started, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers).catch((err: unknown) => config.logger.warn({ err }, 'Closing failed, too'));
    throw error;
  }
}

async function start(
  config: ApplicationConfig,
  onClose: (close: Close) => void,
): Promise<Omit<Application, 'close'>> {
  const { logger, tls } = config;
  const parts = await openParts(config, onClose);
  const { database, metrics, registry, supervisorMetrics, notifier, artifacts, queue, holds } = parts;
  const { workerStore, history, audit, deletion, datasets, dataRoots } = parts;
  const runsIn = (term?: Term) =>
    new PrismaRunStore({
      ...{ database, notifier, observer: metrics },
      describeModel: (artifact) => describeModel(artifacts, artifact),
      ...(term && { term }),
    });

  const certificates = certificateEnds(tls);
  metrics.certificates(certificates);
  const watch = watchCertificates(certificates, { logger });
  onClose(() => watch[Symbol.dispose]());
  // Who leads is known last; until then this control plane is one that follows.
  let leadership: Leadership<LeaderOffice> | undefined;
  const office = () => leadership?.office;
  const leader = () => readLeader(database);
  const elsewhere = new RemoteLeader({ read: leader, tls, logger });
  onClose(() => elsewhere.close());
  const duties = dutiesAnywhere({ here: () => office()?.duties, elsewhere });
  const ownPorts = new Set<number>();
  const { joinTokens, auth = 'on' } = config;
  const door = new FleetDoor({
    registry: () => office()?.registry,
    isInformed: () => leadership?.isInformed ?? false,
    ownAddress: () => leadership?.self.grpcAddress,
    leader,
  });
  const grpc = await createGrpcServer({
    ...{ ...config.grpc, registry: door, leader: office, store: artifacts, logger, auth, tls, ownPorts },
    ...(joinTokens && { joinTokens }),
  });
  onClose(() => grpc.close());
  const { graceMs, runDays } = config.retention ?? {};
  const { auditDays = 365 } = config.access ?? {};
  const officeParts: OfficeParts = {
    ...{ runsIn, workers: workerStore, database, artifacts, holds, queue, notifier, metrics },
    ...{ supervisorMetrics, logger, tls, deletion, audit, auditDays, datasets, dataRoots },
    ...(graceMs !== undefined && { graceMs }),
    ...(runDays !== undefined && { runDays }),
  };
  const leading = new Leadership({
    databaseUrl: config.databaseUrl,
    self: contactOf(config, grpc.port),
    open: (term) => openOffice(officeParts, term),
    logger,
  });
  leadership = leading;
  const workers = new FleetList(workerStore, () => duties.occupations());
  registerRecordGauges(registry, {
    isLeading: () => leading.isLeading,
    census: () => history.census(),
    demand: () => history.demand(),
    recent: () => history.recent(new Date(Date.now() - KEPT_AFTER_END_MS)),
    workers: () => workers.list({ now: new Date() }),
    queueDepth: () => queue.depth(),
    ping: () => database.ping(),
    connections: () => database.connections(),
    artifactSpace: async () => artifacts.space?.(),
  });
  // Where this control plane follows, the leader looks at the record by itself, every two seconds.
  const registrar = {
    look: () => office()?.registrar.look(),
    stop: (id: string) => (leading.isLeading ? office()?.registrar.stop(id) : notifier.wake(id)),
  };
  const { http, publicHosts = [], access = {}, version } = config;
  const { trustedProxies = [], requestsPerMinute = defaultLimits.requestsPerMinute } = access;
  const server = await buildServer({
    services: { ...parts, runs: runsIn(), workers, leader: duties, leadership: leading, registrar },
    ...{ logger, version, trustedProxies },
    origins: { listensOn: http.host, publicHosts },
    limits: { ...defaultLimits, requestsPerMinute },
  });
  onClose(() => server.close());
  // Closed first: whoever leads next need not wait for requests that are under way here.
  onClose(() => leading.close());
  await leading.start();
  const httpPort = await listen(server, config.http);
  ownPorts.add(httpPort);
  return { httpPort, grpcPort: grpc.port, leadership: leading };
}

/** What every control plane has, whether it leads or not. */
async function openParts(config: ApplicationConfig, onClose: (close: Close) => void) {
  const { databaseUrl, logger } = config;
  const applied = await migrate({ databaseUrl });
  if (applied.length > 0) logger.info({ event: 'migrated', applied }, `Applied ${applied.join(', ')}`);
  const registry = createMetrics();
  const database = openDatabase({ url: databaseUrl, ...connectionsOf(config) });
  onClose(() => database.close());
  const access = await openAccess(config, database);
  const onError = (err: Error) => logger.warn({ event: 'queue-error', err }, 'The queue reports an error');
  const queue = await createQueue({ url: config.queueUrl, onError });
  onClose(() => queue.close());
  return {
    ...{ database, queue, registry, ...access },
    metrics: new ControlMetrics(registry),
    supervisorMetrics: new SupervisorMetrics(registry),
    artifacts: openStore(config.artifactsUrl),
    holds: new ArtifactHolds(databaseUrl),
    notifier: new RunNotifier(),
    history: new RunHistory(database),
    workerStore: new PrismaWorkerStore(database),
    audit: new AuditLog(database),
    submission: new RunSubmission(database),
    datasets: new DatasetStore(database),
    models: new ModelStore(database),
    deletion: new RecordDeletion(database),
    dataRoots: config.dataRoots ?? [],
  };
}

/** How others find this control plane where it leads. */
function contactOf({ grpc: { host, advertise } }: ApplicationConfig, port: number): LeaderContact {
  const own = isWildcard(host) ? hostname() : host;
  return { name: `${hostname()}:${port}`, grpcAddress: announcedAddress(advertise ?? own, port) };
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

/** For how long a scrape still tells of a run that ended: its final scores are written with its end. */
const KEPT_AFTER_END_MS = 5 * 60_000;

const connectionsOf = ({ databaseConnections: connections }: ApplicationConfig) =>
  connections === undefined ? {} : { connections };
