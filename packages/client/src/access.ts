/** Who one is, API tokens, and the audit. */
import type {
  ApiToken,
  AuditEntry,
  AuditQuery,
  CreatedToken,
  CreateToken,
  LoginCode,
  Me,
} from '@triptych/protocol';
import { type Call, type Connection, path } from './connection.ts';
import { eachItem } from './pages.ts';

export interface ListAudit extends Call, Omit<AuditQuery, 'limit' | 'cursor'> {
  /** Items a page, not in all. */
  readonly pageSize?: number;
}

export class Access {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Who makes these requests, and what they may do. */
  me({ signal }: Call = {}): Promise<Me> {
    return this.#connection.json({ path: '/v1/me', signal });
  }

  /** The secret is in the answer, and nowhere else. */
  createToken(token: CreateToken, { signal }: Call = {}): Promise<CreatedToken> {
    return this.#connection.json({ method: 'POST', path: '/v1/tokens', body: token, signal });
  }

  /** Newest first, also those that are revoked. */
  tokens({ signal }: Call = {}): AsyncGenerator<ApiToken, void, void> {
    return eachItem(this.#connection, { path: '/v1/tokens', signal });
  }

  revokeToken(id: string, { signal }: Call = {}): Promise<ApiToken> {
    const request = { method: 'DELETE', path: path`/v1/tokens/${id}`, repeatable: true } as const;
    return this.#connection.json({ ...request, signal });
  }

  /** For a link to the page: `/#login=CODE` logs in once. */
  createLoginCode({ signal }: Call = {}): Promise<LoginCode> {
    return this.#connection.json({ method: 'POST', path: '/v1/login/codes', signal });
  }

  /** Newest first. */
  audit({ signal, pageSize, ...filters }: ListAudit = {}): AsyncGenerator<AuditEntry, void, void> {
    return eachItem(this.#connection, { path: '/v1/audit', query: { ...filters, limit: pageSize }, signal });
  }
}
