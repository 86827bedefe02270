import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Problem } from '@triptych/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { strangerIn } from './request-origin.ts';

let server: TestServer;
let port: number;
beforeAll(async () => {
  server = await startTestServer();
  await server.app.listen({ port: 0, host: '127.0.0.1' });
  port = (server.app.server.address() as AddressInfo).port;
});
afterAll(() => server.close());

/** As it comes over the network: `fetch` would not send these headers. */
const send = (method: string, path: string, headers: Record<string, string>) =>
  new Promise<{ status: number; body: string }>((resolve, reject) => {
    const body = method === 'POST' ? '{}' : '';
    const content = { 'content-type': 'application/json', 'content-length': body.length };
    httpRequest({ port, method, path, headers: { ...content, ...headers } }, async (response) =>
      resolve({ status: response.statusCode!, body: String(await response.toArray()) }),
    )
      .on('error', reject)
      .end(body);
  });

const page = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };

test.each([
  ['a name that leads here by DNS rebinding', 'GET', '/v1/runs', { host: 'evil.example:8080' }],
  ['an address of another network', 'GET', '/v1/runs', { host: '10.1.2.3' }],
  ['a name that only looks like this machine', 'GET', '/', { host: 'localhost.evil.example' }],
  ['a host that is none', 'GET', '/health/live', { host: 'localhost@evil.example' }],
  ['a cancel from a page of elsewhere', 'POST', '/v1/runs/a/cancel', { origin: 'https://evil.example' }],
  ['a cancel from a sandbox', 'POST', '/v1/runs/a/cancel', { origin: 'null' }],
  [
    'a cancel from another server of this machine',
    'POST',
    '/v1/runs/a/cancel',
    { origin: 'http://localhost:1' },
  ],
  ['a submission across sites', 'POST', '/v1/runs', { 'sec-fetch-site': 'cross-site', ...page }],
  ['a read across sites', 'GET', '/v1/runs', { 'sec-fetch-site': 'cross-site', ...page }],
  ['a read without a mode', 'GET', '/v1/models', { 'sec-fetch-site': 'cross-site' }],
  ['a read from another server of this site', 'GET', '/metrics', { 'sec-fetch-site': 'same-site', ...page }],
  [
    'a frame',
    'GET',
    '/',
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
  ],
  [
    'a form',
    'POST',
    '/v1/runs/a/cancel',
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
  ],
  ['a path that is not there', 'GET', '/nothing', { host: 'evil.example' }],
])('%s is refused', async (_, method, path, headers: Record<string, string>) => {
  const { status, body } = await send(method, path, headers);
  expect(status).toBe(403);
  const problem = JSON.parse(body) as Problem;
  expect(problem.code).toBe('FOREIGN_REQUEST');
  expect(Object.keys(headers).map((name) => `/${name}`)).toContain(problem.violations![0]!.path);
});

test.each([
  ['a client that is no browser', 'GET', '/docs/json', {}],
  ['the page itself', 'GET', '/docs/json', { 'sec-fetch-site': 'same-origin', ...page }],
  ['an address that was typed', 'GET', '/', { 'sec-fetch-site': 'none' }],
  [
    'a link from elsewhere',
    'GET',
    '/',
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
  ],
  ['another name of this machine', 'GET', '/', { host: 'triptych.localhost:99' }],
  ['the loopback address of IPv6', 'GET', '/', { host: '[::1]:8080' }],
])('%s is answered', async (_, method, path, headers) => {
  expect((await send(method, path, headers)).status).toBe(200);
});

test('the page of this server may change what is on it', async () => {
  const host = `127.0.0.1:${port}`;
  const headers = {
    host,
    origin: `http://${host}`,
    'sec-fetch-site': 'same-origin',
    ...page,
    ...server.asAdmin,
  };
  expect((await send('POST', '/v1/runs/a/cancel', headers)).status).toBe(404);
});

describe('rules', () => {
  const refused = (headers: Record<string, string>, rules: Partial<Parameters<typeof strangerIn>[1]> = {}) =>
    strangerIn({ method: 'POST', headers }, { listensOn: '127.0.0.1', publicHosts: [], ...rules })?.path;

  test('a public name is answered, also behind a proxy that ends TLS', () => {
    const rules = { publicHosts: ['Triptych.example'] };
    expect(refused({ host: 'triptych.example' })).toBe('/host');
    expect(refused({ host: 'TRIPTYCH.example.' }, rules)).toBeUndefined();
    expect(refused({ host: 'localhost:8080', origin: 'https://triptych.example' }, rules)).toBeUndefined();
    expect(refused({ host: 'localhost:8080', origin: 'https://x.triptych.example' }, rules)).toBe('/origin');
  });

  test('who listens on every address is reached by any of them, and by no foreign name', () => {
    for (const listensOn of ['0.0.0.0', '::']) {
      expect(refused({ host: '192.168.1.7:8080' }, { listensOn })).toBeUndefined();
      expect(refused({ host: '[fe80::1]' }, { listensOn })).toBeUndefined();
      expect(refused({ host: 'evil.example' }, { listensOn })).toBe('/host');
    }
    expect(refused({ host: '10.0.0.5' }, { listensOn: '10.0.0.5' })).toBeUndefined();
    expect(refused({ host: '10.0.0.6' }, { listensOn: '10.0.0.5' })).toBe('/host');
    for (const listensOn of ['fd00::5', '[fd00::5]']) {
      expect(refused({ host: '[fd00::5]:8080' }, { listensOn })).toBeUndefined();
      expect(refused({ host: '[fd00::6]:8080' }, { listensOn })).toBe('/host');
    }
    expect(refused({ host: '[fd00::5]' }, { listensOn: '[::]' })).toBeUndefined();
  });

  test.each([
    '',
    ' ',
    '%',
    'a b',
    'localhost/',
    'localhost?',
    'evil.example#localhost',
    '[::1',
    'localhost:99999',
  ])('the host %j is none', (host) => {
    expect(refused({ host })).toBe('/host');
  });
});
