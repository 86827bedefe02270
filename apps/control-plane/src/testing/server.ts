/** The real HTTP server on real stores, with a queue that only remembers. */

import { type Dataset, newSecret } from '@triptych/protocol';
import { createLogger, createMetrics } from '@triptych/runtime';
import type { InjectOptions } from 'fastify';
import { Authenticator } from '../access/authenticator.ts';
import { Registrar } from '../datasets/registrar.ts';
import type { App } from '../http/app.ts';
import type { Patience } from '../http/broken-request.ts';
import type { LimitOptions } from '../http/limits.ts';
import { buildServer } from '../http/server.ts';
import type { LeaderDuties } from '../leadership/leader-duties.ts';
import { ControlMetrics } from '../metrics/control-metrics.ts';
import { registerRecordGauges } from '../metrics/record-gauges.ts';
import { Predictor } from '../predictions/predictor.ts';
import { occupationsOf } from '../registry/fleet-list.ts';
import { createRegistry, type WorkerRegistry } from '../registry/worker-registry.ts';
import { ArtifactCollection } from '../retention/collection.ts';
import { Housekeeping } from '../retention/housekeeping.ts';
import { artifactReferences } from '../store/artifact-references.ts';
import { LoginStore } from '../store/login-store.ts';
import type { RunQueue } from '../store/run-queue.ts';
import { TrainerClients } from '../supervisor/trainer-clients.ts';
import { openTestStores, type TestStores } from './store.ts';

export interface TestServer {
  /** Its `inject` sends the admin token where a request brings no `authorization` and no `cookie` of its own. */
  readonly app: App;
  /** The same without a token. */
  readonly injectAsNobody: App['inject'];
  /** Headers with the admin token, for requests over a socket. */
  readonly asAdmin: { readonly authorization: string };
  readonly stores: TestStores;
  readonly queue: RememberedQueue;
  /** Without workers, unless a test starts some. */
  readonly fleet: WorkerRegistry;
  /** Lines that were logged, as objects. */
  readonly log: Record<string, unknown>[];
  close(): Promise<void>;
}

export class RememberedQueue implements RunQueue {
  readonly jobs = new Map<string, number>();
  enqueued = 0;
  down = false;

  async enqueue(runId: string, priority: number): Promise<void> {
    this.#assertUp();
    this.enqueued += 1;
    this.jobs.set(runId, priority);
  }

  async remove(runId: string): Promise<void> {
    this.#assertUp();
    this.jobs.delete(runId);
  }

  async depth() {
    this.#assertUp();
    return { waiting: this.jobs.size, active: 0, delayed: 0, failed: 0 };
  }

  #assertUp(): void {
    if (this.down) throw new Error('connect ECONNREFUSED 10.1.2.3:6379');
  }
}

export async function startTestServer({
  patience,
  dataRoots = [],
  graceMs = 60_000,
  limits,
  trustedProxies = [],
  access = {},
}: {
  readonly patience?: Patience;
  readonly limits?: Partial<LimitOptions>;
  readonly trustedProxies?: readonly string[];
  readonly access?: { readonly required?: boolean; readonly adminToken?: string | undefined };
  readonly dataRoots?: readonly string[];
  readonly graceMs?: number;
} = {}): Promise<TestServer> {
  const registry = createMetrics();
  const metrics = new ControlMetrics(registry);
  const stores = await openTestStores({ observer: metrics });
  const queue = new RememberedQueue();
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({ name: 'test', stream: { write: (line) => log.push(JSON.parse(line)) } });
  registerRecordGauges(registry, {
    isLeading: () => true,
    census: () => stores.history.census(),
    demand: () => stores.history.demand(),
    recent: () => stores.history.recent(new Date(Date.now() - 60_000)),
    workers: () => stores.workers.list({ now: new Date() }),
    queueDepth: () => queue.depth(),
    ping: () => stores.database.ping(),
    connections: () => stores.database.connections(),
    artifactSpace: async () => ({ freeBytes: 30, totalBytes: 100 }),
  });
  const fleet = createRegistry({ store: stores.workers, logger });
  const clients = new TrainerClients({ registry: fleet });
  const predictor = new Predictor({ registry: fleet, clients, logger, waitMs: 5000 });
  const { deletion, workers, audit, holds } = stores;
  const collection = new ArtifactCollection({
    ...{ artifacts: stores.artifacts, logger, graceMs },
    references: () => holds.whileFree(() => artifactReferences(stores.database)),
    onRemoved: (removed) => metrics.collected(removed),
  });
  const housekeeping = new Housekeeping({ collection, deletion, workers, audit, logger, soonMs: 0 });
  const leader: LeaderDuties = {
    occupations: async () => occupationsOf(fleet),
    predict: (asked, signal) => predictor.predict(asked, signal),
    collect: () => collection.collect(),
    collectSoon: () => housekeeping.collectSoon(),
  };
  const { datasets, artifacts, notifier } = stores;
  const registrar = new Registrar({
    ...{ datasets, artifacts, holds, notifier, logger },
    ...{ reportMs: 20, pollMs: 1e9 },
  });
  registrar.start();
  const adminToken = 'adminToken' in access ? access.adminToken : newSecret();
  const authenticator = new Authenticator({
    ...{ tokens: stores.tokens, logins: new LoginStore(stores.database) },
    ...{ required: access.required ?? true, adminToken, isLocal: true },
  });
  const services = {
    ...stores,
    authenticator,
    queue,
    metrics,
    registry,
    leader,
    leadership: { isLeading: true },
    dataRoots,
    registrar,
  };
  const app = await buildServer({
    services,
    logger,
    version: '0.0.0-test',
    ...{ trustedProxies, limits: { ...unlimited, ...limits } },
    ...(patience && { patience }),
  });
  const asAdmin = { authorization: `Bearer ${adminToken}` };
  const injectAsNobody = app.inject.bind(app) as App['inject'];
  app.inject = ((request: InjectOptions | string) =>
    injectAsNobody(withHeaders(request, asAdmin))) as App['inject'];
  return {
    ...{ app, injectAsNobody, asAdmin },
    stores,
    queue,
    fleet,
    log,
    close: async () => {
      await app.close();
      clients.close();
      await registrar.close();
      await housekeeping.close();
      fleet.close();
      await stores.close();
    },
  };
}

/** The dataset of that name when its folder has been read: READY, or INVALID. */
export async function registered({ stores }: Pick<TestServer, 'stores'>, name: string): Promise<Dataset> {
  for (;;) {
    using watch = stores.notifier.watch(name);
    const dataset = await stores.datasets.get(name);
    if (dataset.state !== 'VALIDATING') return dataset;
    await watch.changed({ timeoutMs: 10 });
  }
}

/** Tests ask faster than anybody else. */
const unlimited: LimitOptions = { requestsPerMinute: 1e9, refusalsPerMinute: 1e9, busyMs: 60_000 };

function withHeaders(request: InjectOptions | string, more: Readonly<Record<string, string>>): InjectOptions {
  const options = typeof request === 'string' ? { url: request } : request;
  const names = Object.keys(options.headers ?? {}).map((name) => name.toLowerCase());
  const bringsOwn = names.includes('authorization') || names.includes('cookie');
  return bringsOwn ? options : { ...options, headers: { ...options.headers, ...more } };
}
