/** The cookie of a login: for scripts out of reach, and not sent by pages of other sites. */
import type { FastifyRequest } from 'fastify';
import { LOGIN_SECONDS } from '../access/authenticator.ts';

export const LOGIN_COOKIE = 'triptych_login';

export const cookieOf = ({ headers }: FastifyRequest): string | undefined =>
  new RegExp(`(?:^|; *)${LOGIN_COOKIE}=([^; ]*)`).exec(headers.cookie ?? '')?.[1];

/** A value of `Set-Cookie`; without a secret it deletes the cookie. */
export function setCookie({ protocol }: FastifyRequest, secret: string | undefined): string {
  const age = secret === undefined ? 0 : LOGIN_SECONDS;
  const isSecure = protocol === 'https' ? '; Secure' : '';
  return `${LOGIN_COOKIE}=${secret ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${isSecure}`;
}
