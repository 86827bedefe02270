/** /v1/me, and /v1/login for browsers: a token, or a code that stands for one, becomes a cookie. */
import { Login, LoginCode, Me, TriptychError } from '@triptych/protocol';
import type { Principal } from '../access/principal.ts';
import { actIn, principalIn } from './access.ts';
import { described, problems } from './answer-schema.ts';
import type { App } from './app.ts';
import type { Limits } from './limits.ts';
import { cookieOf, setCookie } from './login-cookie.ts';
import type { Services } from './services.ts';

export function loginRoutes(app: App, { authenticator }: Services, limits: Limits): void {
  const tags = ['access'];

  app.get(
    '/v1/me',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'getMe',
        summary: 'Who makes this request, and what they may do',
        response: { 200: Me, ...problems() },
      },
    },
    (request) => meOf(principalIn(request)),
  );

  app.post(
    '/v1/login',
    {
      config: { scope: 'open', audited: true },
      schema: {
        tags,
        operationId: 'createLogin',
        summary: 'Log in: the answer sets a cookie, which the page then sends instead of the token',
        body: Login,
        response: { 200: Me, ...problems(400, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      try {
        const { cookie, principal } = await authenticator.logIn(request.body.token);
        Object.assign(actIn(request), { actor: principal.name, tokenId: principal.tokenId });
        return reply
          .headers({ 'set-cookie': setCookie(request, cookie), 'cache-control': 'no-store' })
          .send(meOf({ ...principal, via: 'login' }));
      } catch (error) {
        if (error instanceof TriptychError && error.code === 'UNAUTHENTICATED')
          await limits.assertPatient(request);
        throw error;
      }
    },
  );

  app.delete(
    '/v1/login',
    {
      config: { scope: 'read', audited: true },
      schema: {
        tags,
        operationId: 'deleteLogin',
        summary: 'Log out: the cookie is worth nothing any more',
        response: { 200: described(Me, 'Who was logged in'), ...problems() },
      },
    },
    async (request, reply) => {
      const cookie = cookieOf(request);
      if (cookie !== undefined) await authenticator.logOut(cookie);
      return reply.header('set-cookie', setCookie(request, undefined)).send(meOf(principalIn(request)));
    },
  );

  app.post(
    '/v1/login/codes',
    {
      config: { scope: 'read', audited: true },
      schema: {
        tags,
        operationId: 'createLoginCode',
        summary: 'A code that logs the same principal in once, within 12 hours: for a link to the page',
        response: { 201: LoginCode, ...problems(409) },
      },
    },
    async (request, reply) => {
      const { code, expiresAt } = await authenticator.newCode(principalIn(request));
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ code, expiresAt: expiresAt.toISOString() });
    },
  );
}

const meOf = ({ name, scope, via, tokenId, expiresAt }: Principal): Me => ({
  ...{ name, scope, via },
  ...(tokenId === undefined ? {} : { tokenId }),
  ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
});
