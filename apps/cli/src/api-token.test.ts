import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findToken } from './api-token.ts';
import { problem, useFakeService } from './testing/fake-service.ts';

const home = mkdtempSync(join(tmpdir(), 'token-'));
writeFileSync(join(home, 'token'), 'of-the-stack\n');
afterAll(() => rmSync(home, { recursive: true }));

test.each([
  ['a variable', { TRIPTYCH_TOKEN: 'mine' }, 'https://gpu.example', 'mine'],
  ['a file', { TRIPTYCH_TOKEN_FILE: join(home, 'token') }, 'https://gpu.example', 'of-the-stack'],
  ['the stack on this machine', {}, 'http://127.0.0.1:8080', 'of-the-stack'],
  ['the stack by its name', {}, 'http://localhost:43293', 'of-the-stack'],
  ['nothing for another machine', {}, 'http://10.0.0.1:8080', undefined],
  ['nothing for a name that only begins so', {}, 'http://127.0.0.1.evil.example', undefined],
])('the token comes from %s', (_, env, url, token) => {
  expect(findToken({ env, url, home })).toBe(token);
});

test('a file that was named and cannot be read is an error; a stack that is not there is none', () => {
  expect(() =>
    findToken({ env: { TRIPTYCH_TOKEN_FILE: '/nowhere' }, url: 'http://localhost', home }),
  ).toThrow(/TRIPTYCH_TOKEN_FILE.*nowhere.*ENOENT/);
  expect(findToken({ env: {}, url: 'http://localhost', home: '/nowhere' })).toBeUndefined();
});

const service = useFakeService();
const token = {
  ...{
    id: 'token_1',
    name: 'ci',
    scope: 'submit',
    createdAt: '2031-01-01T00:00:00.000Z',
    createdBy: 'admin',
  },
};

test('tokens are created, listed and revoked, as text and as JSON; every request shows the token', async () => {
  const shown: unknown[] = [];
  const bodies: unknown[] = [];
  service.routes['POST /v1/tokens'] = ({ headers, body }) => {
    shown.push(headers.authorization);
    bodies.push(JSON.parse(body));
    return { ...token, token: 'trip_secret' };
  };
  service.routes['GET /v1/tokens'] = () => ({ items: [token] });
  service.routes['DELETE /v1/tokens/token_1'] = () => ({ ...token, revokedAt: '2031-01-02T00:00:00.000Z' });
  const created = await service.triptych(['tokens', 'create', 'ci', '--scope', 'submit', '--expires', '30d']);
  expect(created).toMatchObject({ code: 0, out: expect.stringMatching(/^trip_secret\n/) });
  expect(shown).toEqual(['Bearer the-token-of-the-user']);
  const [{ expiresAt, ...body }] = bodies as [{ expiresAt: string }];
  expect(body).toEqual({ name: 'ci', scope: 'submit' });
  expect((Date.parse(expiresAt) - Date.now()) / 86_400_000).toBeCloseTo(30, 1);
  const list = await service.triptych(['tokens', 'list', '--json']);
  expect(JSON.parse(list.out)).toEqual([token]);
  expect((await service.triptych(['tokens', 'revoke', 'token_1'])).out).toContain('2031-01-02');
  expect((await service.triptych(['tokens', 'create', 'ci', '--scope', 'all'])).code).toBe(2);
});

test('the audit is asked with its filters; what is not allowed is told', async () => {
  const entry = {
    ...{ id: 'audit_1', at: '2031-01-01T00:00:00.000Z', actor: 'ci', action: 'createRun' },
    ...{ subject: 'run_1', outcome: 'done', address: '10.0.0.7', count: 1 },
  };
  service.routes['GET /v1/audit?actor=ci&limit=50'] = () => ({ items: [entry] });
  const { code, out } = await service.triptych(['audit', '--actor', 'ci']);
  expect([code, out]).toEqual([0, expect.stringMatching(/ci +createRun +run_1 +done +10\.0\.0\.7 +1\n$/)]);
  service.routes['GET /v1/me'] = (_, response) => problem(response, 401, 'UNAUTHENTICATED');
  expect(await service.triptych(['me'])).toMatchObject({
    ...{ code: 1, out: '' },
    err: expect.stringContaining('TRIPTYCH_TOKEN_FILE'),
  });
});
