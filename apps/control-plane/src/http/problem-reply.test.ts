import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Problem, Problem as ProblemSchema, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';

let server: TestServer;
let port: number;
beforeAll(async () => {
  server = await startTestServer();
  server.app.get('/test/bug', () => {
    throw new Error('password=hunter2 at /srv/secret.ts:7');
  });
  server.app.get('/test/outage', () => {
    throw Object.assign(new Error('connect ECONNREFUSED 10.9.8.7:5432'), { code: 'ECONNREFUSED' });
  });
  await server.app.listen({ port: 0, host: '127.0.0.1' });
  port = (server.app.server.address() as AddressInfo).port;
});
afterAll(() => server.close());

const post = (body: string, contentType = 'application/json') =>
  server.app.inject({
    method: 'POST',
    url: '/v1/runs',
    payload: body,
    headers: { 'content-type': contentType },
  });

test('what goes wrong inside stays inside, and is in the log', async () => {
  const answer = await server.app.inject('/test/bug');
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain('hunter2');
  expect(answer.body).not.toContain('secret.ts');
  expect(answer.json()).toMatchObject({ code: 'INTERNAL', instance: '/test/bug' });
  expect(JSON.stringify(server.log.filter(({ event }) => event === 'request-failed'))).toContain('hunter2');
});

test('an outage of the database is told as one, without its address', async () => {
  const answer = await server.app.inject('/test/outage');
  expect(answer.statusCode).toBe(503);
  expect(answer.headers['retry-after']).toBe('1');
  expect(answer.body).not.toContain('10.9.8.7');
});

test.each([
  ['{"model": "clip-tiny",', 'application/json', 400, 'MALFORMED_BODY'],
  ['', 'application/json', 400, 'MALFORMED_BODY'],
  ['{"__proto__": {"x": 1}}', 'application/json', 400, 'MALFORMED_BODY'],
  ['model=clip', 'application/x-www-form-urlencoded', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['<run/>', 'application/xml', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['null', 'application/json', 422, 'INVALID_INPUT'],
])('the body %j sent as %s is %i %s', async (body, contentType, status, code) => {
  const answer = await post(body, contentType);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.json()).toMatchObject({ status, code });
  expect(violationsOf(ProblemSchema, answer.json())).toEqual([]);
});

test.each([
  ['GET', '/v2/runs'],
  ['DELETE', '/v1/runs'],
  ['GET', '/v1/runs/%E0%A4%A'],
  ['GET', `/v1/runs/${'x'.repeat(500)}`],
  ['GET', '/v1/models/none/files/../../etc/passwd'],
] as const)('%s %s is a problem, not a crash', async (method, url) => {
  const answer = await server.app.inject({ method, url });
  expect([404, 405, 422]).toContain(answer.statusCode);
  expect(answer.json<Problem>().code).toMatch(/NOT_FOUND|METHOD_NOT_ALLOWED|INVALID_INPUT/);
});

test('a body of 100 MB is refused, and the sender hears why', async () => {
  const chunk = Buffer.alloc(2 ** 20, 'x');
  const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const request = httpRequest(
      {
        port,
        method: 'POST',
        path: '/v1/runs',
        headers: { ...server.asAdmin, 'content-type': 'application/json', 'content-length': 100 * 2 ** 20 },
      },
      async (response) => resolve({ status: response.statusCode, body: String(await response.toArray()) }),
    );
    request.on('error', reject);
    const send = (left: number) => left > 0 && request.write(chunk, (error) => error ?? send(left - 1));
    send(100);
  });
  expect(answer.status).toBe(413);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'BODY_TOO_LARGE' });
});
