/** The one connection pool of a control plane to Postgres, and the Prisma client on top of it. */
import { PrismaPg } from '@prisma/adapter-pg';
import { Prisma, PrismaClient } from './generated/client.ts';
import { openPool } from './postgres.ts';

export interface Database {
  readonly client: PrismaClient;
  /** Rejects where Postgres does not answer, or has no room to write. */
  ping(): Promise<void>;
  /** Connections in the pool and requests that wait for one, for /metrics. */
  connections(): { total: number; idle: number; waiting: number };
  close(): Promise<void>;
}

/** What may be asked of the client inside and outside a transaction alike. */
export type Transaction = Prisma.TransactionClient;

/** Hundreds of submissions may arrive at once; they queue for a connection instead of failing. */
const patience = { maxWait: 60_000, timeout: 60_000 } as const;

/**
 * A full volume answers what is read, and takes small updates for a while: only what needs a new block tells. This one is a
 * temporary file of half a MiB, which leaves nothing behind. One message, and so one transaction.
 */
const NEEDS_ROOM = "SET LOCAL work_mem = '64kB'; SELECT count(*) FROM generate_series(1, 20000)";

export function openDatabase(options: { url: string; connections?: number }): Database {
  const pool = openPool({ connectionString: options.url, max: options.connections ?? 10 });
  const client = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions: patience });
  return {
    client,
    ping: async () => {
      await pool.query(NEEDS_ROOM);
    },
    connections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: async () => {
      await client.$disconnect();
      await pool.end();
    },
  };
}

/** True for a write that met an existing row with the same unique value. */
export const isDuplicate = (error: unknown): boolean => hasCode(error, 'P2002');

/** True for a write that names a row that is not there. */
export const isDangling = (error: unknown): boolean => hasCode(error, 'P2003');

/** Plain data on its way into a JSON column. */
export const json = (value: unknown): Prisma.InputJsonValue => value as Prisma.InputJsonValue;

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;
