/**
 * Where BullMQ keeps its jobs: Redis (through ioredis) or PostgreSQL, chosen by the scheme of the URL. It opens queues and
 * workers on that store; it does not say how jobs are named, retried or locked.
 */
import type { EventEmitter } from 'node:events';
import { TriptychError } from '@triptych/protocol';
import {
  type BackendFactory,
  type JobProgress,
  type PgPool,
  PostgresConnection,
  type PostgresConnectionOptions,
  PostgresQueueBackend,
  type Processor,
  Queue,
  type QueueOptions,
  quoteSchemaName,
  runMigrations,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { isBroken, openPool, withClient } from '../store/postgres.ts';

export interface JobPayload {
  readonly runId: string;
}

export type JobQueue = Queue<JobPayload, void, string>;
export type JobWorker = Worker<JobPayload, void, string>;
export type JobProcessor = Processor<JobPayload, void, string, JobProgress>;

export interface QueueBacking {
  readonly kind: 'redis' | 'postgres';
  queue(name: string, options: Omit<QueueOptions, 'connection'>): JobQueue;
  worker(name: string, processor: JobProcessor, options: Omit<WorkerOptions, 'connection'>): JobWorker;
}

/**
 * Prepares the store (PostgreSQL: BullMQ's own migrations, in the schema `namespace`).
 * @throws TriptychError `INVALID_INPUT` where the URL has another scheme.
 */
export async function openBacking(options: { url: string; namespace: string }): Promise<QueueBacking> {
  const { url, namespace } = options;
  const scheme = URL.canParse(url) ? new URL(url).protocol : '';
  if (scheme === 'redis:' || scheme === 'rediss:') return redisBacking(url, namespace);
  if (scheme === 'postgres:' || scheme === 'postgresql:') return postgresBacking(url, namespace);
  throw new TriptychError(
    'INVALID_INPUT',
    `QUEUE_URL begins with "${scheme || url.slice(0, 20)}"; expected redis://, rediss:// or postgres://`,
  );
}

function redisBacking(url: string, namespace: string): QueueBacking {
  return {
    kind: 'redis',
    // A producer answers a user: it fails when Redis is away. A consumer waits for it, as BullMQ demands.
    queue: (name, options) =>
      new Queue(name, { ...options, prefix: namespace, connection: { url, maxRetriesPerRequest: 1 } }),
    worker: (name, processor, options) =>
      new Worker(name, processor, {
        ...options,
        prefix: namespace,
        connection: { url, maxRetriesPerRequest: null },
      }),
  };
}

/** Two connections for short queries each, and one more that listens; a control plane shares its server with Prisma. */
const POOL_SIZE = 3;

async function postgresBacking(url: string, schema: string): Promise<QueueBacking> {
  quoteSchemaName(schema);
  await withClient(url, (client) => runMigrations(client, schema));
  const backend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> = (
    name,
    options,
    { withBlockingConnection = false } = {},
  ) =>
    new PostgresQueueBackend(
      new HeardConnection(url, schema),
      name,
      options,
      true,
      ...(withBlockingConnection ? [name] : []),
    );
  // BullMQ types a queue by its backend; what we use of it is the same on both.
  return {
    kind: 'postgres',
    queue: (name, options) =>
      new Queue(name, { ...options, connection: url }, backend) as unknown as JobQueue,
    worker: (name, processor, options) =>
      new Worker(name, processor, { ...options, connection: url }, backend) as unknown as JobWorker,
  };
}

/** BullMQ listens to the clients that it makes itself a moment too late; so it gets ours, which are heard from the first byte. */
class HeardConnection extends PostgresConnection {
  override readonly schema: string;

  constructor(url: string, schema: string) {
    super(
      openPool({
        connectionString: url,
        options: `-c search_path=${quoteSchemaName(schema)}`,
        max: POOL_SIZE,
      }) as unknown as PgPool,
    );
    this.schema = schema;
  }

  /** One that broke before BullMQ listened to it would be kept for ever; told again, BullMQ makes another. */
  override async getListenClient(): ReturnType<PostgresConnection['getListenClient']> {
    const client = await super.getListenClient();
    if (isBroken(client))
      (client as unknown as EventEmitter).emit('error', new Error('Connection terminated'));
    return client;
  }

  override async close(): Promise<void> {
    if (this.isClosing) return this.isClosing;
    await super.close();
    await this.pool.end();
  }
}
