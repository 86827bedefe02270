import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { drain } from './request-drain.ts';

const MEBIBYTE = 2 ** 20;

describe('drain', () => {
  const chunk = Buffer.alloc(100);

  test('reads to the end', async () => {
    const body = new PassThrough();
    for (let i = 0; i < 5; i++) body.write(chunk);
    body.end();
    await drain(body);
    expect(body.readableEnded).toBe(true);
  });

  test('gives up after so many bytes, or so long a time', async () => {
    const body = new PassThrough();
    for (let i = 0; i < 3; i++) body.write(chunk);
    await drain(body, { bytes: 250 });
    await drain(body, { timeoutMs: 1 });
    expect(body.readableEnded).toBe(false);
    expect(body.listenerCount('data')).toBe(0);
  });

  test('ends with a sender that goes away', async () => {
    const body = new PassThrough();
    const drained = drain(body);
    body.destroy(new Error('connection reset'));
    await drained;
    await drain(body);
  });
});

describe('a body that is too large', () => {
  let server: TestServer;
  let url: string;
  beforeAll(async () => {
    server = await startTestServer();
    url = await server.app.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(() => server.close());

  test.each(['content-length', 'chunked'] as const)(
    '(%s) may be sent to its end before the answer is read',
    async (framing) => {
      const chunk = Buffer.alloc(MEBIBYTE, 'x');
      const chunks = 12;
      const frame =
        framing === 'chunked'
          ? (part: Buffer) => [Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]
          : (part: Buffer) => [part];
      const header =
        framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${chunks * MEBIBYTE}`;
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      const head = [
        'POST /v1/runs HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        `Authorization: ${server.asAdmin.authorization}`,
        header,
        '',
        '',
      ];
      socket.pause().write(head.join('\r\n'));
      for (let i = 0; i < chunks; i++) {
        for (const part of frame(chunk)) if (!socket.write(part)) await once(socket, 'drain');
      }
      if (framing === 'chunked') socket.write('0\r\n\r\n');
      const answer = String(Buffer.concat(await socket.resume().toArray()));
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toContain('application/problem+json');
      expect(answer).toContain('"code":"BODY_TOO_LARGE"');
    },
  );

  test('is a readable problem for fetch', async () => {
    const body = `{"model":"${'x'.repeat(12 * MEBIBYTE)}"}`;
    const headers = { ...server.asAdmin, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/runs`, { method: 'POST', body, headers });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });
});
