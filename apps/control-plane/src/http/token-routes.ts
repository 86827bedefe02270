/** /v1/tokens: API tokens, for admins. */
import {
  ApiToken,
  ApiTokenPage,
  CreatedToken,
  CreateToken,
  hashOfSecret,
  Id,
  invalidInput,
  newSecret,
  PageQuery,
  show,
  TriptychError,
} from '@triptych/protocol';
import { Type } from 'typebox';
import { actIn, principalIn } from './access.ts';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import type { Services } from './services.ts';

export function tokenRoutes(app: App, { tokens, authenticator }: Services): void {
  const tags = ['access'];

  app.get(
    '/v1/tokens',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        operationId: 'listTokens',
        summary: 'API tokens, newest first, also those that are revoked; without their secrets',
        querystring: PageQuery,
        response: { 200: ApiTokenPage, ...problems(422) },
      },
    },
    (request) => tokens.list(request.query),
  );

  app.post(
    '/v1/tokens',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        operationId: 'createToken',
        summary: 'A new API token; its secret is in this answer alone',
        body: CreateToken,
        response: { 201: CreatedToken, ...problems(400, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      assertInFuture(request.body);
      if (
        request.body.scope !== 'admin' &&
        principalIn(request).via === 'nothing' &&
        authenticator.isRequired
      )
        throw new TriptychError(
          'ILLEGAL_STATE',
          'From the first token on everybody needs one, and nobody could make more with this; let the first one have the scope admin',
        );
      const token = newSecret();
      const created = await tokens.insert({ ...request.body, hash: hashOfSecret(token) }, actIn(request));
      return reply
        .code(201)
        .headers({ location: `/v1/tokens/${created.id}`, 'cache-control': 'no-store' })
        .send({ ...created, token });
    },
  );

  app.delete(
    '/v1/tokens/:id',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        operationId: 'revokeToken',
        summary: 'Revoke a token, and end every login that came from it',
        params: Type.Object({ id: Type.String({ ...Id, description: 'Id of the token' }) }),
        response: { 200: ApiToken, ...problems(404, 422) },
      },
    },
    (request) => tokens.revoke(request.params.id, actIn(request)),
  );
}

function assertInFuture({ expiresAt }: CreateToken): void {
  if (expiresAt === undefined || Date.parse(expiresAt) > Date.now()) return;
  throw invalidInput('body', [
    {
      path: '/expiresAt',
      expected: 'a time to come',
      actual: show(expiresAt),
      remedy: 'choose a later one, or leave it out',
    },
  ]);
}
