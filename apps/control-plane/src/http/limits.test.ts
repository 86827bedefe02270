/** Limits of requests, of wrong tokens, and what they leave in the audit. */
import { newSecret } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Refusals } from '../access/refusals.ts';
import type { Told } from '../store/audit-log.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    limits: { requestsPerMinute: 5, refusalsPerMinute: 4 },
    trustedProxies: ['10.0.0.0/8'],
  });
});
afterAll(() => server.close());

const from = (remoteAddress: string, headers: Record<string, string> = {}, url = '/v1/me') =>
  server.injectAsNobody({ url, remoteAddress, headers });

test('a principal that asks too often hears when to come back; others, health and metrics do not notice', async () => {
  const answers = [];
  for (let i = 0; i < 7; i++) answers.push(await from('192.0.2.1', server.asAdmin));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200, 429, 429]);
  const last = answers.at(-1)!;
  expect(last.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(last.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS', status: 429 });
  expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(last.headers['retry-after'])).toBeLessThanOrEqual(60);
  for (const url of ['/health/live', '/health/ready', '/metrics', '/'])
    for (let i = 0; i < 7; i++) expect((await from('192.0.2.1', {}, url)).statusCode).toBe(200);
});

test('wrong tokens are counted by address, as the trusted proxy tells it and nobody else does', async () => {
  const wrong = () => ({ authorization: `Bearer ${newSecret()}` });
  const statuses = async (remoteAddress: string, forwarded?: (i: number) => string) => {
    const seen: number[] = [];
    for (let i = 0; i < 6; i++) {
      const headers = { ...wrong(), ...(forwarded && { 'x-forwarded-for': forwarded(i) }) };
      seen.push((await from(remoteAddress, headers)).statusCode);
    }
    return seen;
  };
  const limited = [401, 401, 401, 401, 429, 429];
  expect(await statuses('192.0.2.2')).toEqual(limited);
  expect(await statuses('192.0.2.3', (i) => `198.51.100.${i}`)).toEqual(limited);
  expect(await statuses('10.1.1.1', () => '203.0.113.7')).toEqual(limited);
  expect(await statuses('10.1.1.1', (i) => `203.0.113.${100 + i}`)).toEqual([401, 401, 401, 401, 401, 401]);
  const login = () =>
    server.injectAsNobody({
      ...{ method: 'POST', url: '/v1/login', remoteAddress: '192.0.2.9' },
      payload: { token: newSecret() },
    });
  for (let i = 0; i < 4; i++) expect((await login()).statusCode).toBe(401);
  expect((await login()).statusCode).toBe(429);
});

test('however many are refused, the audit grows by a few lines', async () => {
  const { client } = server.stores.database;
  await vi.waitFor(async () =>
    expect(await client.auditEntry.count({ where: { address: '192.0.2.2' } })).toBe(2),
  );
  const written: Told[] = [];
  const refusals = new Refusals({ record: async (told) => void written.push(told), mostUnknown: 3 });
  const refused = (address: string): Told => ({
    ...{ action: 'listRuns', outcome: 'refused', code: 'UNAUTHENTICATED', address },
    subject: `${Math.random()}`,
  });
  for (let i = 0; i < 1000; i++) await refusals.add(refused(`192.0.2.${i % 100}`));
  expect(written).toHaveLength(4);
  await refusals.flush();
  expect(written).toHaveLength(8);
  expect(written.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(1000);
});
