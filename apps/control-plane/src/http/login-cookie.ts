/** The cookie of a login: for scripts out of reach, and not sent by pages of other sites. */
import type { FastifyRequest } from 'fastify';

const NAME = 'triptych_login';

export const cookieOf = ({ headers }: FastifyRequest): string | undefined =>
  new RegExp(`(?:^|; *)${NAME}=([^; ]*)`).exec(headers.cookie ?? '')?.[1];

/** A value of `Set-Cookie`; without a secret it deletes the cookie. */
export function setCookie({ protocol }: FastifyRequest, secret: string | undefined): string {
  const age = secret === undefined ? 0 : 30 * 24 * 3600;
  const isSecure = protocol === 'https' ? '; Secure' : '';
  return `${NAME}=${secret ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${isSecure}`;
}
