import { Problem, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test.each([
  ['DELETE', '/v1/runs', 'GET, HEAD, POST'],
  ['PUT', '/v1/runs/plan', 'DELETE, GET, HEAD, POST'],
  ['GET', '/v1/runs/plan', undefined],
  ['PUT', '/v1/runs/some-run', 'DELETE, GET, HEAD'],
  ['GET', '/v1/runs/some-run/cancel', 'POST'],
  ['PUT', '/v1/models/m/files/a/b.json?x=1', 'GET, HEAD'],
  ['POST', '/metrics', 'GET, HEAD'],
  ['POST', '/', 'GET, HEAD'],
  ['OPTIONS', '/v1/predictions', 'POST'],
  ['DELETE', '/v1/nothing', undefined],
] as const)('%s %s: %s', async (method, url, allow) => {
  const answer = await server.app.inject({
    method,
    url,
    payload: '{',
    headers: { 'content-type': 'text/x' },
  });
  expect(answer.headers.allow).toBe(allow);
  expect(answer.json()).toMatchObject(
    allow === undefined ? { status: 404 } : { status: 405, code: 'METHOD_NOT_ALLOWED' },
  );
  expect(answer.statusCode).toBe(answer.json().status);
  expect(violationsOf(Problem, answer.json())).toEqual([]);
});

test('what a path does take is not touched, and the document says nothing of the others', async () => {
  expect((await server.app.inject({ method: 'HEAD', url: '/v1/runs' })).statusCode).toBe(200);
  const { paths } = (await server.app.inject('/docs/json')).json();
  expect(Object.keys(paths['/v1/runs']).sort()).toEqual(['get', 'post']);
});
