/**
 * From what a request shows to who makes it. Secrets are looked up by their hash, so that the time of an answer says nothing
 * of one that is stored. A token that is revoked or has expired ends every login that came from it.
 */
import {
  type ApiToken,
  hashOfSecret,
  isSecret,
  newSecret,
  TriptychError,
  unauthenticated,
} from '@triptych/protocol';
import type { LoginStore } from '../store/login-store.ts';
import type { TokenStore } from '../store/token-store.ts';
import { anonymous, type Principal } from './principal.ts';

export interface AccessRules {
  /** False: everybody may do everything. */
  readonly required: boolean;
  /** Known from the start, without a row. */
  readonly adminToken?: string | undefined;
  /** Whether only this machine reaches the port. Then nobody is asked until there is a token. */
  readonly isLocal: boolean;
}

export interface AuthenticatorOptions extends AccessRules {
  readonly tokens: TokenStore;
  readonly logins: LoginStore;
  readonly now?: () => Date;
}

export interface Credentials {
  /** Of `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Of the login's cookie. */
  readonly cookie?: string | undefined;
}

/** Seconds of a login in a browser: one that nobody uses ends by itself. */
export const LOGIN_SECONDS = 30 * 24 * 3600;
const CODE_MS = 12 * 3_600_000;

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #adminHash: string | undefined;
  readonly #now: () => Date;
  #isAsking = false;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    const { adminToken } = options;
    this.#adminHash = adminToken === undefined ? undefined : hashOfSecret(adminToken);
  }

  /** False where the configuration says that nobody is ever asked. */
  get isRequired(): boolean {
    return this.#options.required;
  }

  /** Whether requests must show something. Once they must, they must for ever: tokens that are revoked open nothing. */
  async isAsking(): Promise<boolean> {
    const { required, isLocal, tokens } = this.#options;
    if (!required) return false;
    this.#isAsking ||= !isLocal || this.#adminHash !== undefined || (await tokens.isUsed());
    return this.#isAsking;
  }

  /** `ILLEGAL_STATE` where others than this machine reach the port, and nobody could log in. */
  async assertMayListen(): Promise<void> {
    const { required, isLocal, tokens } = this.#options;
    if (!required || isLocal || this.#adminHash !== undefined || (await tokens.isUsed())) return;
    throw new TriptychError(
      'ILLEGAL_STATE',
      'Others than this machine reach the HTTP port, and there is no API token yet. Set TRIPTYCH_ADMIN_TOKEN (or TRIPTYCH_ADMIN_TOKEN_FILE) to a secret of at least 32 characters, or listen on 127.0.0.1 without TRIPTYCH_PUBLIC_HOSTS, or set TRIPTYCH_AUTH=off where the network itself keeps others out',
    );
  }

  /** `UNAUTHENTICATED`, with the reason, where nobody can be told from it. */
  async authenticate({ token, cookie }: Credentials): Promise<Principal> {
    if (!(await this.isAsking())) return anonymous;
    if (token !== undefined) return this.#byToken(token);
    if (cookie !== undefined) return this.#byCookie(cookie);
    throw unauthenticated('This needs an API token; send Authorization: Bearer TOKEN, or log in on the page');
  }

  /** The secret of a new cookie, for a token or an unused code. */
  async logIn(secret: string): Promise<{ readonly cookie: string; readonly principal: Principal }> {
    const principal = await this.#behind(secret);
    const cookie = await this.#newLogin('cookie', principal, LOGIN_SECONDS * 1000);
    return { cookie: cookie.secret, principal };
  }

  /** What logs the same principal in once, in a browser. */
  async newCode(principal: Principal): Promise<{ readonly code: string; readonly expiresAt: Date }> {
    const { secret: code, expiresAt } = await this.#newLogin('code', principal, CODE_MS);
    return { code, expiresAt };
  }

  async logOut(cookie: string): Promise<void> {
    if (isSecret(cookie)) await this.#options.logins.delete(hashOfSecret(cookie));
  }

  async #newLogin(kind: 'cookie' | 'code', { tokenHash, expiresAt: end }: Principal, lifeMs: number) {
    if (tokenHash === undefined)
      throw new TriptychError(
        'ILLEGAL_STATE',
        'Nobody is asked for a token here: there is nothing to log in to',
      );
    const now = this.#now();
    const secret = newSecret();
    const expiresAt = new Date(Math.min(now.getTime() + lifeMs, end?.getTime() ?? Number.POSITIVE_INFINITY));
    await this.#options.logins.insert({ hash: hashOfSecret(secret), kind, tokenHash, expiresAt }, now);
    return { secret, expiresAt };
  }

  async #behind(secret: string): Promise<Principal> {
    const code = isSecret(secret)
      ? await this.#options.logins.take(hashOfSecret(secret), this.#now())
      : undefined;
    return code ? this.#byHash(code.tokenHash) : this.#byToken(secret);
  }

  async #byCookie(cookie: string): Promise<Principal> {
    const login = isSecret(cookie)
      ? await this.#options.logins.find(hashOfSecret(cookie), 'cookie', this.#now())
      : undefined;
    if (!login) throw unauthenticated('This login has ended; log in again');
    const principal = await this.#byHash(login.tokenHash);
    // The login ends with its token at the latest.
    return { ...principal, via: 'login', expiresAt: login.expiresAt };
  }

  async #byToken(token: string): Promise<Principal> {
    // The one of the configuration may have any form; of the others nothing else is worth a look at the record.
    const isPlausible = isSecret(token) || (token.length <= 500 && this.#adminHash !== undefined);
    if (!isPlausible) throw unauthenticated('This is no API token (trip_...), or a part of one; check it');
    return this.#byHash(hashOfSecret(token));
  }

  async #byHash(tokenHash: string): Promise<Principal> {
    if (tokenHash === this.#adminHash) return { name: 'admin', scope: 'admin', via: 'token', tokenHash };
    const { tokens } = this.#options;
    const token = await tokens.byHash(tokenHash);
    const now = this.#now();
    if (!token) throw unauthenticated('This API token is not known here; ask an admin for one');
    assertValid(token, now);
    await tokens.used(token, now);
    const { id: tokenId, name, scope, expiresAt } = token;
    const end = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) };
    return { name, scope, via: 'token', tokenId, tokenHash, ...end };
  }
}

function assertValid({ id, revokedAt, expiresAt }: ApiToken, now: Date): void {
  if (revokedAt !== undefined)
    throw unauthenticated(`The API token ${id} was revoked at ${revokedAt}; ask an admin for a new one`);
  if (expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime())
    throw unauthenticated(`The API token ${id} has expired at ${expiresAt}; ask an admin for a new one`);
}
