/** Every route by every scope, every form of token that is none, logins, and what the audit tells of all of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeScenes } from '@triptych/datasets';
import {
  type ApiToken,
  type AuditEntry,
  allows,
  type CreatedToken,
  newSecret,
  Problem,
  type Scope,
  scopes,
  violationsOf,
} from '@triptych/protocol';
import fastify from 'fastify';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset } from '../testing/store.ts';
import { guardRoutes } from './access.ts';
import type { App } from './app.ts';

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operationId: string;
  readonly security?: readonly Readonly<Record<string, readonly Scope[]>>[];
  readonly responses: Readonly<Record<string, unknown>>;
}

let server: TestServer;
let operations: Operation[];
const tokenOf = {} as Record<Scope, CreatedToken>;
beforeAll(async () => {
  server = await startTestServer();
  await addDataset(server.stores);
  for (const scope of scopes) tokenOf[scope] = await createToken({ name: `the-${scope}`, scope });
  const { paths } = (await server.app.inject('/docs/json')).json();
  operations = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method })),
  );
});
afterAll(() => server.close());

async function createToken(payload: object): Promise<CreatedToken> {
  const answer = await server.app.inject({ method: 'POST', url: '/v1/tokens', payload });
  expect([answer.statusCode, answer.body]).toEqual([201, expect.any(String)]);
  return answer.json();
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const ask = (url: string, headers: Record<string, string>, method: 'GET' | 'POST' | 'DELETE' = 'GET') =>
  server.injectAsNobody({ method, url, headers });

const send = ({ path, method }: Operation, headers: Record<string, string>) =>
  server.injectAsNobody({
    method: method.toUpperCase() as 'GET',
    url: path.replace(/\{\w+\}/g, 'none'),
    headers,
    ...(method === 'post' ? { payload: {} } : {}),
  });

const audit = async (query: string): Promise<AuditEntry[]> =>
  (await server.app.inject(`/v1/audit?${query}`)).json().items;

test('every route of the API refuses nobody in particular, and who has too little, by what its document says', async () => {
  const wrong: string[] = [];
  let asked = 0;
  for (const operation of operations) {
    const { operationId, path, security } = operation;
    const needed = security?.[0]?.['token']?.[0];
    const unknown = await send(operation, {});
    if (!path.startsWith('/v1/') || operationId === 'createLogin') {
      if (needed !== undefined || [401, 403].includes(unknown.statusCode))
        wrong.push(`${operationId} is not open`);
      continue;
    }
    if (needed === undefined) wrong.push(`${operationId} does not say its scope`);
    for (const status of ['401', '403', '429'])
      if (!(status in operation.responses)) wrong.push(`${operationId} does not document ${status}`);
    if (unknown.statusCode !== 401 || violationsOf(Problem, unknown.json()).length > 0)
      wrong.push(`${operationId} answers nobody: ${unknown.statusCode}`);
    if (!String(unknown.headers['www-authenticate']).startsWith('Bearer'))
      wrong.push(`${operationId} does not say how to authenticate`);
    for (const scope of scopes) {
      asked += 1;
      const answer = await send(operation, bearer(tokenOf[scope].token));
      const { code = '', detail = '' } = answer.statusCode >= 400 ? answer.json<Problem>() : {};
      const may = needed !== undefined && allows(scope, needed);
      const isRefused = code === 'FORBIDDEN' && detail.includes(`needs the scope ${needed}`);
      if (may === isRefused || answer.statusCode === 401 || answer.statusCode >= 500)
        wrong.push(`${operationId} answers ${scope} with ${answer.statusCode} ${code} ${detail}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(asked).toBeGreaterThan(100);
});

test('a route that does not say its scope fails at the start', () => {
  const app = fastify() as unknown as App;
  guardRoutes(app, { authenticator: { authenticate: vi.fn() }, limits: {} as never });
  expect(() => app.get('/v1/forgotten', () => 'everything')).toThrow(
    /\/v1\/forgotten does not say which scope/,
  );
  app.get('/open', () => 'nothing');
});

test('health, metrics, documentation and the page are open, also to who shows nonsense', async () => {
  for (const url of [
    '/',
    '/status.js',
    '/docs/json',
    '/docs/errors',
    '/health/live',
    '/health/ready',
    '/metrics',
  ])
    for (const headers of [{}, bearer('nonsense')])
      expect([url, (await ask(url, headers)).statusCode]).toEqual([url, 200]);
  expect((await ask('/v1/nothing', {})).statusCode).toBe(401);
  expect((await ask('/v1/nothing', bearer(tokenOf.read.token))).statusCode).toBe(404);
});

test('a token is told apart from what looks like one, and from one that has had its time', async () => {
  const { token } = tokenOf.read;
  const short = await createToken({
    name: 'short',
    scope: 'read',
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
  });
  expect((await ask('/v1/me', bearer(short.token))).json()).toMatchObject({ name: 'short', scope: 'read' });
  const { client } = server.stores.database;
  await client.apiToken.update({ where: { id: short.id }, data: { expiresAt: new Date(Date.now() - 1) } });
  const revoked = await createToken({ name: 'short', scope: 'admin' });
  expect((await ask(`/v1/tokens/${revoked.id}`, bearer(revoked.token), 'DELETE')).statusCode).toBe(200);
  const cases: [string, RegExp][] = [
    [`Bearer ${short.token}`, /has expired/],
    [`Bearer ${revoked.token}`, /was revoked/],
    [`Bearer ${newSecret()}`, /not known here/],
    [`Bearer ${token.slice(0, -1)}`, /no API token|not known/],
    [`Bearer ${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, /no API token|not known/],
    [`Bearer ${'x'.repeat(10_000)}`, /no API token/],
    ['Bearer', /no API token|not known/],
    [`Basic ${token}`, /no API token|not known/],
    [token, /no API token|not known/],
    [`Bearer ${token} ${token}`, /no API token|not known/],
    ['Bearer \u0080', /no API token|not known/],
  ];
  for (const [authorization, detail] of cases) {
    const answer = await ask('/v1/runs', { authorization });
    expect([authorization.slice(0, 80), answer.statusCode]).toEqual([authorization.slice(0, 80), 401]);
    expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED', detail: expect.stringMatching(detail) });
  }
  expect((await ask('/v1/runs', { authorization: `bearer  ${token} ` })).statusCode).toBe(200);
});

test('tokens are shown once, kept as hashes, and tell their last use to the minute', async () => {
  const { token, ...rest } = await createToken({ name: 'robot', scope: 'read' });
  expect(token).toMatch(/^trip_[0-9A-Za-z]{49}$/);
  expect(rest).toMatchObject({ name: 'robot', scope: 'read', createdBy: 'admin' });
  const { client } = server.stores.database;
  const update = vi.spyOn(client.apiToken, 'updateMany');
  for (let i = 0; i < 3; i++) await ask('/v1/me', bearer(token));
  expect(update).toHaveBeenCalledTimes(1);
  update.mockRestore();
  const list = await server.app.inject('/v1/tokens?limit=500');
  expect(list.body).not.toContain('trip_');
  const { items } = list.json<{ items: ApiToken[] }>();
  expect(items.find(({ id }) => id === rest.id)).toMatchObject({ lastUsedAt: expect.any(String) });
  const rows = JSON.stringify(await client.apiToken.findMany());
  expect(rows).not.toContain(token);
  const past = { name: 'late', scope: 'read', expiresAt: '2020-01-01T00:00:00Z' };
  const refused = await server.app.inject({ method: 'POST', url: '/v1/tokens', payload: past });
  expect(refused.json()).toMatchObject({ code: 'INVALID_INPUT', violations: [{ path: '/expiresAt' }] });
  expect((await ask('/v1/tokens/none', server.asAdmin, 'DELETE')).json()).toMatchObject({
    code: 'NOT_FOUND',
  });
});

const logIn = (token: string, headers: Record<string, string> = {}) =>
  server.injectAsNobody({ method: 'POST', url: '/v1/login', payload: { token }, headers });

test('a browser logs in with a token, is that principal until it logs out, and no longer than the token', async () => {
  const { token, id } = await createToken({ name: 'ada', scope: 'submit' });
  const answer = await logIn(token);
  expect(answer.json()).toMatchObject({ name: 'ada', scope: 'submit', via: 'login', tokenId: id });
  const [setCookie = ''] = [answer.headers['set-cookie']].flat();
  expect(setCookie).toMatch(/^triptych_login=trip_\w+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  const cookie = `other=1; ${setCookie.split(';')[0]}`;
  expect((await ask('/v1/me', { cookie })).json()).toMatchObject({ name: 'ada', via: 'login' });
  expect((await ask('/v1/tokens', { cookie })).json()).toMatchObject({ code: 'FORBIDDEN' });
  // The page of another site cannot use it.
  const foreign = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  expect((await ask('/v1/login', foreign, 'DELETE')).json()).toMatchObject({ code: 'FOREIGN_REQUEST' });
  const out = await ask('/v1/login', { cookie }, 'DELETE');
  expect([out.statusCode, out.headers['set-cookie']]).toEqual([200, expect.stringContaining('Max-Age=0')]);
  expect((await ask('/v1/me', { cookie })).statusCode).toBe(401);

  const second = { cookie: String((await logIn(token)).headers['set-cookie']).split(';')[0]! };
  expect((await ask('/v1/me', second)).statusCode).toBe(200);
  await ask(`/v1/tokens/${id}`, server.asAdmin, 'DELETE');
  expect((await ask('/v1/me', second)).json()).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await logIn(token)).statusCode).toBe(401);
  expect((await ask('/v1/me', { cookie: 'triptych_login=nonsense' })).statusCode).toBe(401);
});

test('a login code is good once', async () => {
  const { code } = (await ask('/v1/login/codes', bearer(tokenOf.read.token), 'POST')).json();
  expect((await ask('/v1/me', bearer(code))).statusCode).toBe(401);
  expect((await ask('/v1/me', { cookie: `triptych_login=${code}` })).statusCode).toBe(401);
  const tries = await Promise.all([logIn(code), logIn(code), logIn(code)]);
  expect(tries.map(({ statusCode }) => statusCode).sort()).toEqual([200, 401, 401]);
});

test('who submitted a run may cancel it; who did not needs the scope operate', async () => {
  const payload = { model: 'clip-tiny', dataset: 'scenes', duration: { steps: 1 } };
  const post = (url: string, token: string, body?: object) =>
    server.injectAsNobody({
      method: 'POST',
      url,
      headers: bearer(token),
      ...(body ? { payload: body } : {}),
    });
  const other = await createToken({ name: 'somebody-else', scope: 'submit' });
  // The same principal after a rotation.
  const rotated = await createToken({ name: 'the-submit', scope: 'submit' });
  const run = (await post('/v1/runs', tokenOf.submit.token, payload)).json();
  expect(run).toMatchObject({ submittedBy: 'the-submit' });
  const refused = await post(`/v1/runs/${run.id}/cancel`, other.token);
  expect(refused.json()).toMatchObject({ code: 'FORBIDDEN', detail: expect.stringContaining('operate') });
  expect((await post(`/v1/runs/${run.id}/cancel`, rotated.token)).json()).toMatchObject({
    status: 'CANCELLED',
  });
  const { items } = (await server.app.inject(`/v1/runs/${run.id}/events`)).json();
  expect(items.map(({ actor }: { actor?: string }) => actor)).toEqual(['the-submit', 'the-submit']);
  const entries = await audit(`subject=${run.id}&outcome=done`);
  expect(entries).toMatchObject([
    { action: 'cancelRun', actor: 'the-submit', tokenId: rotated.id, address: '127.0.0.1' },
    { action: 'createRun', actor: 'the-submit', tokenId: tokenOf.submit.id, count: 1 },
  ]);
  await vi.waitFor(async () =>
    expect(await audit(`subject=${run.id}&outcome=refused`)).toMatchObject([
      { action: 'cancelRun', actor: 'somebody-else', code: 'FORBIDDEN' },
    ]),
  );
});

test('the audit tells of every act once, also of those that failed, and can be searched', async () => {
  const home = await mkdtemp(join(tmpdir(), 'triptych-access-'));
  const folder = join(home, 'scenes');
  try {
    await writeScenes({ path: folder, images: 20, seed: 1 });
    const post = (url: string, payload: object) =>
      server.app.inject({ method: 'POST', url, payload, headers: bearer(tokenOf.operate.token) });
    const dataset = (await post('/v1/datasets', { name: 'audited', path: folder })).json();
    await post('/v1/datasets', { name: 'audited', path: folder });
    await post('/v1/models', { name: 'mine', path: folder });
    await post('/v1/runs', { model: 'nothing', dataset: 'scenes' });
    await post('/v1/runs/plan', { model: 'clip-tiny', dataset: 'scenes' });
    const told = async () =>
      (await audit('actor=the-operate&limit=500'))
        .map(({ action, outcome, code, subject }) => [action, outcome, code, subject])
        .filter(([, , code]) => code !== 'FORBIDDEN' && code !== 'NOT_FOUND');
    await vi.waitFor(async () =>
      expect(await told()).toEqual(
        expect.arrayContaining([
          ['registerDataset', 'done', undefined, dataset.id],
          ['registerDataset', 'refused', 'NAME_TAKEN', undefined],
          ['importModel', 'refused', 'MODEL_INVALID', undefined],
          ['createRun', 'refused', 'INVALID_INPUT', undefined],
        ]),
      ),
    );
    const actions = (await told()).map(([action]) => action);
    expect(actions.filter((action) => action === 'planRun')).toEqual([]);
    expect(await audit(`subject=${dataset.id}`)).toHaveLength(1);
    const made = await audit(`action=createToken&subject=${tokenOf.read.id}`);
    expect(made).toMatchObject([{ actor: 'admin', outcome: 'done' }]);
    const pages: AuditEntry[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: { items: AuditEntry[]; nextCursor?: string } = (
        await server.app.inject(`/v1/audit?limit=7${cursor && `&cursor=${cursor}`}`)
      ).json();
      pages.push(...page.items);
      cursor = page.nextCursor;
    }
    expect(new Set(pages.map(({ id }) => id)).size).toBe(pages.length);
    expect(await audit(`from=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
    expect((await server.app.inject('/v1/audit?from=yesterday')).statusCode).toBe(422);
    expect(await server.stores.audit.prune(new Date(0))).toBe(0);
  } finally {
    await rm(home, { recursive: true });
  }
});
