/**
 * One session of Postgres, for an advisory lock that is held as long as the session lives. Every question has a deadline; a session
 * that does not answer in time is cut off here, and the server ends one that asks nothing for {@link SessionPatience.idleMs}: a
 * process that stands still, a machine that has vanished and a network that is cut all give the lock back within that time.
 */
import { Socket } from 'node:net';
import { TriptychError } from '@triptych/protocol';
import pg from 'pg';
import type { Transaction } from './database.ts';

export interface SessionPatience {
  /** How long an answer may take. */
  readonly answerMs: number;
  /** After so long without a question the server ends the session. */
  readonly idleMs: number;
}

/** What is locked in a database of Triptych; Postgres keeps the two numbers of each apart from all others. */
export type LockName = 'leader' | 'artifacts';

/** The letters TRIP: the locks of other programs have other first numbers. */
const OURS = 0x54_52_49_50;
const NUMBERS: Readonly<Record<LockName, number>> = { leader: 1, artifacts: 2 };

export class LockSession {
  readonly #client: pg.Client;
  readonly #socket: Socket;
  readonly #answerMs: number;
  readonly #gone = new AbortController();
  #pid = 0;

  private constructor(client: pg.Client, socket: Socket, answerMs: number) {
    this.#client = client;
    this.#socket = socket;
    this.#answerMs = answerMs;
    client.on('error', (cause) => this.#lose('broke off', cause));
    client.on('end', () => this.#lose('ended'));
  }

  /** Rejects with what `pg` says, or `UNAVAILABLE` where nobody answers in time. */
  static async open(url: string, { answerMs, idleMs }: SessionPatience): Promise<LockSession> {
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: url,
      stream: () => socket,
      connectionTimeoutMillis: answerMs,
      application_name: 'triptych lock',
    });
    const session = new LockSession(client, socket, answerMs);
    try {
      await client.connect();
      await session.query(`SET idle_session_timeout = ${idleMs}`);
      // What the server still does for a client that has given up would keep the lock.
      await session.query(`SET statement_timeout = ${answerMs}`);
      session.#pid = await session.#backend();
      return session;
    } catch (error) {
      session.cut();
      throw error;
    }
  }

  /** Aborted, with the reason, when the session is over and the lock with it. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** True where the lock is ours from now on. */
  async tryLock(name: LockName): Promise<boolean> {
    const [row] = await this.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS locked', [
      OURS,
      NUMBERS[name],
    ]);
    return row?.locked === true;
  }

  /** Waits, in the bounds of any question, for whoever has the lock for itself; others may share it. */
  async share(name: LockName): Promise<void> {
    await this.query('SELECT pg_advisory_lock_shared($1, $2)', [OURS, NUMBERS[name]]);
  }

  /** In a transaction of another session: keeps the lock from everybody who wants it alone, and tells whether this one still shares it. */
  async isShared(name: LockName, transaction: Transaction): Promise<boolean> {
    if (this.#gone.signal.aborted) return false;
    const number = NUMBERS[name];
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock_shared(${OURS}::int, ${number}::int)`;
    const held = await transaction.$queryRaw<unknown[]>`
      SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = ${this.#pid}::int AND granted
        AND classid = ${OURS}::oid AND objid = ${number}::oid
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    return held.length > 0;
  }

  /**
   * Resolves where the session is still there, which also renews its time.
   * @throws TriptychError `UNAVAILABLE` where it is not, `ILLEGAL_STATE` where something between lends out sessions of its own
   */
  async confirm(): Promise<void> {
    if ((await this.#backend()) !== this.#pid)
      throw this.#lose(
        'was changed for another: DATABASE_URL goes through a pooler that lends sessions for a transaction; let it lend whole sessions, or name Postgres itself',
        undefined,
        'ILLEGAL_STATE',
      );
  }

  /** What is not answered in time is the end of the session. */
  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    this.#gone.signal.throwIfAborted();
    const late = setTimeout(() => this.#lose(`did not answer within ${this.#answerMs} ms`), this.#answerMs);
    let ended = () => {};
    try {
      const end = new Promise<never>((_, reject) => {
        ended = () => reject(this.#gone.signal.reason);
        this.#gone.signal.addEventListener('abort', ended, { once: true });
      });
      return (await Promise.race([this.#client.query<Row>(text, values), end])).rows;
    } finally {
      clearTimeout(late);
      this.#gone.signal.removeEventListener('abort', ended);
    }
  }

  /** In order: the server gives the lock back before this resolves, where it answers at all. */
  async close(): Promise<void> {
    if (this.#gone.signal.aborted) return this.cut();
    const late = setTimeout(() => this.cut(), this.#answerMs);
    await this.#client.end().catch(() => undefined);
    clearTimeout(late);
    this.cut();
  }

  /** At once, whoever listens or not. */
  cut(): void {
    this.#lose('was closed');
  }

  async #backend(): Promise<number> {
    const [row] = await this.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return row?.pid ?? 0;
  }

  #lose(how: string, cause?: unknown, code: 'UNAVAILABLE' | 'ILLEGAL_STATE' = 'UNAVAILABLE'): TriptychError {
    const error = new TriptychError(code, `The session with the database ${how}`, { cause });
    this.#gone.abort(error);
    this.#socket.destroy();
    return error;
  }
}
