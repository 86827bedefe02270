/**
 * Connections to Postgres, every one of which may break at any moment. `pg` tells of a break in two ways: the query under way
 * rejects, and the client emits `error`, which ends the process where nobody listens. Whoever waits for an answer hears the
 * first; the second is heard here, for clients at work as well as idle ones. A broken client is replaced at the next query.
 */
import pg from 'pg';

/**
 * A process that stands still inside a transaction keeps the rows that it has locked from everybody else; the server ends that. Time
 * that a transaction of ours spends between two questions is milliseconds.
 */
const IDLE_IN_TRANSACTION_MS = 10_000;

export function openPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    keepAlive: true,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    ...config,
  });
  pool.on('error', ignore);
  // A pool listens to its idle clients alone; one that has been handed out would have nobody.
  pool.on('connect', (client) => client.on('error', () => broken.add(client)));
  return pool;
}

/** True for a client of a pool whose connection is gone: it answers nothing any more. */
export const isBroken = (client: object): boolean => broken.has(client);

const broken = new WeakSet<object>();

/** One connection for as long as `use` takes. */
export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', ignore);
  await client.connect();
  try {
    return await use(client);
  } finally {
    // A connection that is gone cannot be ended; what `use` said about that is what counts.
    await client.end().catch(ignore);
  }
}

const ignore = (): void => {};
