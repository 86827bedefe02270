/**
 * Who stores artifacts of which the row comes last: registrations and imports, of every control plane on the database. While one is
 * under way no collection begins, anywhere. The database ends a hold with the process that has it.
 */
import { TriptychError } from '@triptych/protocol';
import type { Act } from './audit-log.ts';
import type { Transaction } from './database.ts';
import { LockSession } from './lock-session.ts';

export interface ArtifactHold extends AsyncDisposable {
  /**
   * In the transaction that writes the row: from here to its end no collection begins.
   * @throws TriptychError `UNAVAILABLE` where the hold was lost: what was stored may be gone
   */
  confirm(transaction: Transaction): Promise<void>;
}

/** Of a row that names artifacts. */
export interface InsertOptions {
  readonly act?: Act | undefined;
  /** Under which they were stored. */
  readonly hold?: Pick<ArtifactHold, 'confirm'> | undefined;
}

/** A hold outlives moments in which the process or the database is busy; nobody waits for it but a collection. */
const PATIENCE = { answerMs: 20_000, idleMs: 60_000 } as const;
const CONFIRM_MS = 10_000;

export class ArtifactHolds {
  readonly #url: string;

  constructor(databaseUrl: string) {
    this.#url = databaseUrl;
  }

  /** Whoever holds disposes. */
  async hold(): Promise<ArtifactHold> {
    const session = await LockSession.open(this.#url, PATIENCE);
    const renew = setInterval(() => void session.confirm().catch(() => undefined), CONFIRM_MS).unref();
    try {
      await session.share('artifacts');
    } catch (error) {
      clearInterval(renew);
      await session.close();
      throw error;
    }
    return {
      confirm: async (transaction) => {
        if (!(await session.isShared('artifacts', transaction))) throw lost(session.gone.reason);
      },
      [Symbol.asyncDispose]: async () => {
        clearInterval(renew);
        await session.close();
      },
    };
  }

  /** Looks at the record while nothing is held. @throws TriptychError `UNAVAILABLE` where something is */
  async whileFree<T>(look: () => Promise<T>): Promise<T> {
    const session = await LockSession.open(this.#url, PATIENCE);
    try {
      if (!(await session.tryLock('artifacts'))) throw busy();
      return await look();
    } finally {
      await session.close();
    }
  }
}

const busy = (): TriptychError =>
  new TriptychError(
    'UNAVAILABLE',
    'A dataset or model is being stored: artifacts are collected afterwards, try again then',
  );

const lost = (cause: unknown): TriptychError =>
  new TriptychError(
    'UNAVAILABLE',
    'The connection to the database broke off while files were stored; send the request again',
    { cause },
  );
