/**
 * Who may do what over REST, decided in one place. Each route under /v1 says in its `config` which scope it needs; one that
 * does not say so fails at the start. What is not under /v1 (health, metrics, documentation, the files of the page) is open.
 */
import { allows, type Scope, TriptychError } from '@triptych/protocol';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Authenticator } from '../access/authenticator.ts';
import type { Principal } from '../access/principal.ts';
import type { Act } from '../store/audit-log.ts';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import type { Limits } from './limits.ts';
import { cookieOf } from './login-cookie.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a principal must have; `open`: nobody is asked. */
    scope?: Scope | 'open';
    /** Whether the audit tells of it; by default where more than `read` is needed. */
    audited?: boolean;
  }
  interface FastifyRequest {
    /** Undefined where nobody was asked, or nobody was told. */
    principal: Principal | undefined;
    act: Act | undefined;
  }
}

const API = /^\/v1(\/|$)/;

export interface AccessOptions {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly limits: Limits;
}

/** Must come before the routes, and after whoever refuses strangers. */
export function guardRoutes(app: App, { authenticator, limits }: AccessOptions): void {
  app.decorateRequest('principal', undefined);
  app.decorateRequest('act', undefined);
  app.addHook('onRoute', documentScope);
  app.addHook('onRequest', async (request, reply) => {
    const { scope = API.test(request.url) ? 'read' : undefined } = request.routeOptions.config;
    if (scope === undefined) return;
    request.act = { action: actionOf(request), address: request.ip, recorded: false };
    if (scope !== 'open') request.principal = await principalOf(request, reply);
    const { principal } = request;
    if (principal) {
      Object.assign(request.act, { actor: principal.name, tokenId: principal.tokenId });
      request.log = request.log.child({ actor: principal.name });
    }
    await limits.assertWithin(request);
    if (scope !== 'open' && principal) assertScope(principal, scope);
  });

  async function principalOf(request: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    try {
      return await authenticator.authenticate({ token: bearerOf(request), cookie: cookieOf(request) });
    } catch (error) {
      if (error instanceof TriptychError && error.code === 'UNAUTHENTICATED') {
        reply.header('www-authenticate', 'Bearer realm="triptych"');
        await limits.assertPatient(request);
      }
      throw error;
    }
  }
}

/** `FORBIDDEN` where the principal has less. */
export function assertScope({ name, scope }: Principal, needed: Scope): void {
  if (allows(scope, needed)) return;
  throw new TriptychError(
    'FORBIDDEN',
    `This needs the scope ${needed}, and the token of ${name} has ${scope}; use one that has it, which an admin can create`,
  );
}

/** Of a request that the hook let pass. */
export function principalIn({ principal }: FastifyRequest): Principal {
  if (!principal) throw new Error('nobody was asked who makes this request');
  return principal;
}

/** What a handler does, for the stores that write it down. */
export function actIn({ act }: FastifyRequest): Act {
  if (!act) throw new Error('this route has no act');
  return act;
}

const actionOf = ({ routeOptions, method }: FastifyRequest): string =>
  (routeOptions.schema as { operationId?: string } | undefined)?.operationId ?? method;

function bearerOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  if (authorization === undefined) return undefined;
  // What is no bearer token is one that nobody has.
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
}

function documentScope({ url, config, schema }: RouteOptions): void {
  if (!API.test(url)) return;
  const scope = config?.scope;
  if (scope === undefined) throw new Error(`${url} does not say which scope it needs: config: { scope }`);
  if (!schema) return;
  const response = { ...(schema.response as object), ...problems(401, 429) };
  if (scope === 'open') Object.assign(schema, { security: [], response });
  else
    Object.assign(schema, {
      security: [{ token: [scope] }, { login: [scope] }],
      description: [schema.description, `Needs the scope ${scope}.`].filter(Boolean).join('\n\n'),
      response,
    });
}
