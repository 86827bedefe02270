/**
 * The one answer to the question whether an error is an outage: Postgres or Redis cannot be reached, broke off, is starting,
 * ending, read-only or out of room. The same request can then succeed later without being changed. Anything else is a
 * request that will never succeed, or a mistake of ours.
 */
import { TriptychError } from '@triptych/protocol';

/** True where trying again can help although nothing is changed. */
export function isOutage(error: unknown): boolean {
  return causesOf(error).some(
    ({ code, kind, originalCode, name, message }) =>
      [code, originalCode].some((one) => typeof one === 'string' && outageCode.test(one)) ||
      (typeof kind === 'string' && driverOutages.has(kind)) ||
      name === 'PrismaClientInitializationError' ||
      name === 'MaxRetriesPerRequestError' ||
      (typeof message === 'string' && outageMessage.test(message)),
  );
}

/** What a caller is told of an outage, over REST as over gRPC; the details stay in the log. */
export const unavailable = (cause: unknown): TriptychError =>
  new TriptychError('UNAVAILABLE', outageReason(cause), { cause });

/** In a sentence: what is away, and what helps where waiting alone does not. Names no host and no secret. */
export const outageReason = (error: unknown): string =>
  knownReason(error) ?? 'The database cannot be reached; try again in a moment';

/** Nothing where it simply does not answer. */
export function knownReason(error: unknown): string | undefined {
  const causes = causesOf(error);
  const known = outageReasons.find(({ says }) =>
    causes.some(({ code, originalCode, message }) =>
      [code, originalCode, message].some((one) => typeof one === 'string' && says.test(one)),
    ),
  );
  return known?.reason;
}

const outageReasons = [
  {
    says: /^53100$|No space left on device/,
    reason: 'The volume of the database is full; make room on it, and everything goes on by itself',
  },
  {
    says: /^53300$/,
    reason:
      'The database has no connection left; try again in a moment, or raise max_connections of Postgres',
  },
  {
    says: /^25006$/,
    reason: 'The database is read-only; end that, or name the one that takes writes in DATABASE_URL',
  },
  {
    says: /^OOM /,
    reason: 'The queue is full; raise maxmemory of Redis, and everything goes on by itself',
  },
  {
    says: /^MISCONF /,
    reason:
      'Redis cannot save the queue, as when its volume is full; make room on it, and everything goes on by itself',
  },
] as const;

/**
 * Prisma: no connection (P1...), none free in time (P2024, P2037), a transaction that was broken off (P2028), a conflict or a
 * deadlock with another one (P2034). Postgres, by SQLSTATE: connection (08), conflict (40), resources, a full disk among them
 * (53), the operator or a restart (57P), the system (58), a server that has become read-only (25006). The network's own.
 */
const outageCode =
  /^(P1\d{3}|P2024|P2028|P2034|P2037|08\w{3}|40001|40P01|53\w{3}|57P\w{2}|58\w{3}|25006|E(CONNREFUSED|CONNRESET|CONNABORTED|TIMEDOUT|PIPE|NOTFOUND|AI_AGAIN|HOSTUNREACH|HOSTDOWN|NETUNREACH|NETDOWN))$/;

/** How Prisma's driver adapter names what it had no code for. */
const driverOutages: ReadonlySet<string> = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TransactionAlreadyClosed',
  'TransactionWriteConflict',
]);

/** Errors without a code: of `pg` about its own connection, of ioredis, and of a Redis that is there but not ready. */
const outageMessage =
  /^(Connection terminated|Client has encountered a connection error|Client was closed and is not queryable|timeout exceeded when trying to connect|timeout expired|Connection is closed|Stream isn't writeable|Command timed out|(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|BUSY|OOM|MISCONF|NOREPLICAS) )/;

interface Cause {
  readonly [field: string]: unknown;
}

/** The error, what it was made from, and what it is a list of: Prisma and `fetch` hide the driver's error inside their own. */
function causesOf(error: unknown, depth = 0): Cause[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const cause = error as Cause;
  const { driverAdapterError } = (cause['meta'] ?? {}) as Cause;
  const inner = [cause['cause'], driverAdapterError, ...listOf(cause['errors'])];
  return [cause, ...inner.flatMap((one) => causesOf(one, depth + 1))];
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
