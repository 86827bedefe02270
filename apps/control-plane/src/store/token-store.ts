/** The record of API tokens, by the hash of their secrets. */
import { type ApiToken, type CreateToken, type Scope, TriptychError } from '@triptych/protocol';
import { type Act, entriesOf, recordAct } from './audit-log.ts';
import type { Database } from './database.ts';
import type { ApiToken as TokenRow } from './generated/client.ts';
import { newId } from './identifier.ts';
import { after, DEFAULT_LIMIT, newestFirst, type PageRequest, pageOf } from './page-cursor.ts';

/** A use is written down at most this often. */
const USE_MS = 60_000;

export class TokenStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async insert(
    { name, scope, expiresAt, hash }: CreateToken & { readonly hash: string },
    act: Act,
  ): Promise<ApiToken> {
    const { client } = this.#database;
    const id = newId('token');
    const expiry = expiresAt === undefined ? null : new Date(expiresAt);
    const data = { id, name, scope, hash, expiresAt: expiry, createdBy: act.actor ?? 'nobody' };
    const [row] = await client.$transaction([
      client.apiToken.create({ data }),
      ...entriesOf(client, act, id),
    ]);
    return tokenOf(row);
  }

  async byHash(hash: string): Promise<ApiToken | undefined> {
    const row = await this.#database.client.apiToken.findUnique({ where: { hash } });
    return row ? tokenOf(row) : undefined;
  }

  /** Whether there is one, or was. */
  async isUsed(): Promise<boolean> {
    return (await this.#database.client.apiToken.findFirst({ select: { id: true } })) !== null;
  }

  async used({ id, lastUsedAt }: ApiToken, now: Date): Promise<void> {
    if (lastUsedAt !== undefined && now.getTime() - Date.parse(lastUsedAt) < USE_MS) return;
    await this.#database.client.apiToken.updateMany({ where: { id }, data: { lastUsedAt: now } });
  }

  /** Harmless where it is revoked; `NOT_FOUND` where there is none. */
  async revoke(id: string, act: Act): Promise<ApiToken> {
    return this.#database.client.$transaction(async (transaction) => {
      const revokedAt = new Date();
      const { count } = await transaction.apiToken.updateMany({
        where: { id, revokedAt: null },
        data: { revokedAt },
      });
      const row = await transaction.apiToken.findUnique({ where: { id } });
      if (!row) throw new TriptychError('NOT_FOUND', `There is no token ${id}; see GET /v1/tokens`);
      if (count > 0) await recordAct(transaction, act, id);
      return tokenOf(row);
    });
  }

  async list({
    limit = DEFAULT_LIMIT,
    cursor,
  }: PageRequest): Promise<{ items: ApiToken[]; nextCursor?: string }> {
    const rows = await this.#database.client.apiToken.findMany({
      where: after(cursor),
      orderBy: newestFirst,
      take: limit + 1,
    });
    return pageOf(rows, { limit, item: tokenOf });
  }
}

const tokenOf = (row: TokenRow): ApiToken => ({
  id: row.id,
  name: row.name,
  scope: row.scope as Scope,
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
  ...(row.expiresAt ? { expiresAt: row.expiresAt.toISOString() } : {}),
  ...(row.revokedAt ? { revokedAt: row.revokedAt.toISOString() } : {}),
  ...(row.lastUsedAt ? { lastUsedAt: row.lastUsedAt.toISOString() } : {}),
});
