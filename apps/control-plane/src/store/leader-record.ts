/** Who leads, as the database has it: written by each leader at the beginning of its term, read by the others. */
import { drawSecret, liveStatuses, TriptychError } from '@triptych/protocol';
import type { Database, Transaction } from './database.ts';

export interface LeaderContact {
  /** Of the process, for people. */
  readonly name: string;
  /** host:port at which workers and other control planes reach its gRPC server. */
  readonly grpcAddress: string;
}

export interface Leader extends LeaderContact {
  readonly term: bigint;
  readonly secret: string;
}

/** What asks the database in the session that holds the lock. */
export interface LockHolder {
  query<Row extends object>(text: string, values: unknown[]): Promise<Row[]>;
}

/** What of a leader's term its writes must show. */
export interface TermInForce {
  readonly number: bigint;
  /** @throws TriptychError `NOT_LEADER` */
  assertHeld(): void;
}

/**
 * Begins a term, on the session that holds the lock, so that there is only one. All that an earlier leader may still be writing is
 * refused from then on: every live run has a higher fencing token, and no run can be acquired in an earlier term.
 */
export async function beginTerm(
  session: LockHolder,
  { name, grpcAddress }: LeaderContact,
): Promise<{ number: bigint; secret: string }> {
  const secret = drawSecret();
  const [row] = await session.query<{ term: string }>(
    `WITH led AS (
       INSERT INTO leadership (id, term, name, grpc_address, secret, since) VALUES (1, 1, $1, $2, $3, now())
       ON CONFLICT (id) DO UPDATE SET term = leadership.term + 1, name = excluded.name,
         grpc_address = excluded.grpc_address, secret = excluded.secret, since = excluded.since
       RETURNING term),
     fenced AS (UPDATE runs SET fencing_token = fencing_token + 1 WHERE status = ANY($4))
     SELECT term::text FROM led`,
    [name, grpcAddress, secret, liveStatuses],
  );
  if (!row) throw new Error('a term began without a number');
  return { number: BigInt(row.term), secret };
}

/** Who leads, or led last; nothing where nobody ever has. */
export async function readLeader({ client }: Pick<Database, 'client'>): Promise<Leader | undefined> {
  return (await client.leadership.findUnique({ where: { id: 1 } })) ?? undefined;
}

/**
 * Keeps the term from ending before the transaction does.
 * @throws TriptychError `NOT_LEADER` where another has begun
 */
export async function assertTerm(transaction: Transaction, term: TermInForce): Promise<void> {
  term.assertHeld();
  const rows = await transaction.$queryRaw<unknown[]>`
    SELECT 1 FROM leadership WHERE id = 1 AND term = ${term.number} FOR SHARE`;
  if (rows.length === 0)
    throw new TriptychError('NOT_LEADER', 'Another control plane leads by now', { retryAfterSeconds: 1 });
}
