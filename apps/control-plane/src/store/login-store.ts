/** The record of logins: secrets that stand for a token in a browser, by their hash. */
import type { Database } from './database.ts';

/** A cookie stays; a code is good for one cookie. */
export type LoginKind = 'cookie' | 'code';

export interface LoginRow {
  readonly tokenHash: string;
  readonly expiresAt: Date;
}

export class LoginStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Also forgets those that have expired: there are as many as people log in. */
  async insert(
    login: LoginRow & { readonly hash: string; readonly kind: LoginKind },
    now: Date,
  ): Promise<void> {
    const { client } = this.#database;
    await client.$transaction([
      client.login.deleteMany({ where: { expiresAt: { lte: now } } }),
      client.login.create({ data: { ...login } }),
    ]);
  }

  async find(hash: string, kind: LoginKind, now: Date): Promise<LoginRow | undefined> {
    const row = await this.#database.client.login.findUnique({
      where: { hash, kind, expiresAt: { gt: now } },
      select: { tokenHash: true, expiresAt: true },
    });
    return row ?? undefined;
  }

  /** What a code stands for, once. */
  async take(hash: string, now: Date): Promise<LoginRow | undefined> {
    const code = await this.find(hash, 'code', now);
    if (!code) return undefined;
    return (await this.delete(hash)) ? code : undefined;
  }

  /** Whether this call deleted it. */
  async delete(hash: string): Promise<boolean> {
    return (await this.#database.client.login.deleteMany({ where: { hash } })).count > 0;
  }
}
