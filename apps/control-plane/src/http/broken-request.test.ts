import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { type Problem, Problem as ProblemSchema, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { deferred } from '../testing/deferred.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';

let server: TestServer;
let port: number;
const begun = deferred<void>();
const answer = deferred<string>();
beforeAll(async () => {
  server = await startTestServer({
    patience: { headersMs: 300, requestMs: 600, checkMs: 20, idleMs: 60_000 },
  });
  server.app.get('/test/slow', () => {
    begun.resolve();
    return answer.promise;
  });
  await server.app.listen({ port: 0, host: '127.0.0.1' });
  port = (server.app.server.address() as AddressInfo).port;
});
afterAll(() => server.close());

/** What comes back until the server closes. */
async function answerTo(bytes?: string | Buffer): Promise<{ status: number; problem: Problem }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  // Whoever is known gets as far as the body.
  const known = `Authorization: ${server.asAdmin.authorization}\r\nContent-Type`;
  if (bytes !== undefined)
    socket.write(typeof bytes === 'string' ? bytes.replace('Content-Type', known) : bytes);
  await once(socket, 'close');
  return { status: Number(text.slice(9, 12)), problem: JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) };
}

const head = 'POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

test.each([
  ['a greeting of TLS', 400, Buffer.from('16030100c8010000c40303', 'hex')],
  ['no HTTP at all', 400, 'HELO\r\n\r\n'],
  ['a header that is none', 400, 'GET / HTTP/1.1\r\nHost: localhost\r\nno header\r\n\r\n'],
  ['a NUL in a path', 400, 'GET /\u0000 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['a chunk of no length', 400, `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ['two lengths', 400, `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['endless headers', 431, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ['headers that never end', 408, 'GET / HTTP/1.1\r\nHost: localhost\r\n'],
  ['a body that never ends', 408, `${head}Content-Length: 100\r\n\r\n{`],
] as const)('%s is a problem with status %i', async (_, expected, bytes) => {
  const { status, problem } = await answerTo(bytes);
  expect(status).toBe(expected);
  expect(violationsOf(ProblemSchema, problem)).toEqual([]);
});

test('a connection outlives many times the patience for one request, and is closed with the server', async () => {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  const ask = async () => {
    socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return String(await once(socket, 'data'));
  };
  expect(await ask()).toContain('200 OK');
  // Three connections that say nothing are given up meanwhile.
  for (let i = 0; i < 3; i++) await answerTo();
  expect(await ask()).toContain('200 OK');
  // One is idle when the server closes, another becomes so while it does.
  const busy = connect(port, '127.0.0.1').resume();
  busy.write('GET /test/slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await begun.promise;
  const closed = Promise.all([once(socket, 'close'), once(busy, 'close')]);
  socket.resume();
  const closing = server.app.close();
  await vi.waitFor(() => expect(server.app.server.listening).toBe(false));
  answer.resolve('late');
  await closing;
  await closed;
});
