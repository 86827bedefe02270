import { createHash } from 'node:crypto';
import type { RunSpec } from '@triptych/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { TriptychClient } from './client.ts';
import { fakeControlPlane, type Route, runOf, sendJson, sendProblem } from './testing/fake-control-plane.ts';

let close = async (): Promise<void> => {};
afterEach(() => close());

async function serve(routes: Record<string, Route>) {
  const plane = await fakeControlPlane(routes);
  close = plane.close;
  const client = new TriptychClient({ url: `${plane.url}/`, retryDelaysMs: [1, 1] });
  return { client, received: plane.received };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const spec: RunSpec = { model: 'clip-tiny', dataset: 'scenes' };

describe('submitting', () => {
  it('sends the spec with a key of its own, the same at every try', async () => {
    let tries = 0;
    const { client, received } = await serve({
      'POST /v1/runs': (_, response) => {
        tries += 1;
        if (tries === 1) response.destroy();
        else if (tries === 2) sendProblem(response, { status: 503, code: 'UNAVAILABLE', detail: 'starting' });
        else sendJson(response, runOf('QUEUED'));
      },
    });
    expect(await client.runs.create(spec)).toMatchObject({ id: 'r1', status: 'QUEUED' });
    expect(received).toHaveLength(3);
    expect(received.map(({ body }) => JSON.parse(body))).toEqual([spec, spec, spec]);
    expect(received[0]!.headers['content-type']).toBe('application/json');
    expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    await client.runs.create(spec, { idempotencyKey: 'mine' });
    expect(received[3]!.headers['idempotency-key']).toBe('mine');
  });

  it('shows its token, and comes back no earlier than the service says, for what can be repeated', async () => {
    let asked = 0;
    const tooMany: Route = (_, response) => {
      response.setHeader('retry-after', '1');
      sendProblem(response, { status: 429, code: 'TOO_MANY_REQUESTS', detail: 'slowly' });
    };
    const plane = await fakeControlPlane({
      'GET /v1/runs/r1': (request, response) => {
        asked += 1;
        if (asked === 1) tooMany(request, response);
        else sendJson(response, runOf('RUNNING'));
      },
      'POST /v1/tokens': tooMany,
    });
    close = plane.close;
    const client = new TriptychClient({ url: plane.url, token: 'trip_mine', retryDelaysMs: [1] });
    const began = performance.now();
    expect(await client.runs.get('r1')).toMatchObject({ id: 'r1' });
    expect(performance.now() - began).toBeGreaterThan(900);
    const creating = client.access.createToken({ name: 'x', scope: 'read' });
    await expect(creating).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterSeconds: 1 });
    expect(plane.received).toHaveLength(3);
    expect(plane.received.map(({ headers }) => headers.authorization)).toEqual(
      Array(3).fill('Bearer trip_mine'),
    );
  });

  it('passes on every violation of a refused spec, after one try', async () => {
    const violations = [
      {
        path: '/batch/global',
        expected: 'a number >= 2',
        actual: '1',
        remedy: 'choose a number in that range',
      },
      { path: '/dataset', expected: 'a registered dataset', actual: '"x"', remedy: 'register it' },
    ];
    const { client, received } = await serve({
      'POST /v1/runs': (_, response) =>
        sendProblem(response, {
          status: 422,
          code: 'INVALID_INPUT',
          detail: 'Two things are wrong',
          violations,
        }),
    });
    const refused = client.runs.create(spec);
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'Two things are wrong',
      violations,
    });
    expect(received).toHaveLength(1);
  });

  it('repeats a plan and a cancel, which twice are once', async () => {
    for (const route of ['POST /v1/runs/plan', 'POST /v1/runs/r1/cancel']) {
      let tries = 0;
      const { client, received } = await serve({
        [route]: (_, response) => {
          tries += 1;
          if (tries === 1) response.destroy();
          else sendJson(response, runOf('CANCELLED'));
        },
      });
      await (route.endsWith('plan') ? client.runs.plan(spec) : client.runs.cancel('r1'));
      expect(received).toHaveLength(2);
      await close();
    }
  });

  it('does not repeat what is not safe to repeat', async () => {
    const { client, received } = await serve({
      'POST /v1/datasets': (_, response) => response.destroy(),
    });
    const lost = client.datasets.register({ name: 'scenes', path: '/data' });
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(received).toHaveLength(1);
  });
});

describe('reading', () => {
  it('walks the pages of a list with the filters on each', async () => {
    const { client, received } = await serve({
      'GET /v1/runs': ({ url }, response) => {
        const cursor = url.searchParams.get('cursor');
        if (cursor === null)
          sendJson(response, { items: [{ id: 'a' }, { id: 'b' }], nextCursor: 'after b+/=' });
        else sendJson(response, { items: [{ id: cursor }] });
      },
    });
    const runs = await collect(client.runs.list({ status: 'FAILED', pageSize: 2 }));
    expect(runs.map(({ id }) => id)).toEqual(['a', 'b', 'after b+/=']);
    expect(received.map(({ url }) => url.searchParams.get('status'))).toEqual(['FAILED', 'FAILED']);
    expect(received.map(({ url }) => url.searchParams.get('limit'))).toEqual(['2', '2']);
  });

  it('asks for the second page only when it is needed', async () => {
    const { client, received } = await serve({
      'GET /v1/workers': (_, response) => sendJson(response, { items: [{ id: 'w1' }], nextCursor: 'more' }),
    });
    for await (const worker of client.workers()) {
      expect(worker.id).toBe('w1');
      break;
    }
    expect(received).toHaveLength(1);
  });

  it('reads all step metrics', async () => {
    const { client } = await serve({
      'GET /v1/runs/r1/metrics': ({ url }, response) => {
        const after = Number(url.searchParams.get('afterStep'));
        const items = [1, 2, 3, 4, 5].filter((step) => step > after).slice(0, 2);
        sendJson(response, { items: items.map((step) => ({ step })), nextStep: (items.at(-1) ?? after) + 1 });
      },
    });
    expect((await collect(client.runs.stepMetrics('r1'))).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect((await collect(client.runs.stepMetrics('r1', { afterStep: 4 }))).map(({ step }) => step)).toEqual([
      5,
    ]);
  });

  it('encodes what it puts into a path', async () => {
    const { client, received } = await serve({});
    await expect(client.runs.get('../workers?x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(received[0]!.url.pathname).toBe('/v1/runs/..%2Fworkers%3Fx');
  });

  it('downloads a file and checks its hash', async () => {
    const content = Buffer.alloc(300_000, 'weights');
    const sha256 = createHash('sha256').update(content).digest('hex');
    const { client } = await serve({
      'GET /v1/models/r1/files/sub/model%20a.safetensors': (_, response) => response.end(content),
    });
    const file = { path: 'sub/model a.safetensors', sha256, bytes: content.byteLength };
    const read = Buffer.concat(await collect(client.models.read({ model: 'r1', file })));
    expect(Buffer.compare(read, content)).toBe(0);
    const lying = { ...file, sha256: '0'.repeat(64) };
    await expect(collect(client.models.read({ model: 'r1', file: lying }))).rejects.toMatchObject({
      code: 'ARTIFACT_CORRUPT',
    });
  });
});

describe('failing', () => {
  it('understands answers of something that is not a control plane', async () => {
    const { client } = await serve({
      'GET /v1/runs/a': (_, response) => response.writeHead(500).end('<html>oops</html>'),
      'GET /v1/runs/b': (_, response) => response.writeHead(404).end(),
      'GET /v1/runs/c': (_, response) =>
        sendProblem(response, { status: 404, code: 'CODE_OF_THE_FUTURE', detail: 'new' }),
      'GET /v1/runs/d': (_, response) => response.end('{"id":'),
    });
    await expect(client.runs.get('a')).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('<html>oops</html>'),
    });
    await expect(client.runs.get('b')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.runs.get('c')).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'new' });
    await expect(client.runs.get('d')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('says where it looked when nobody answers', async () => {
    const { client } = await serve({});
    await close();
    close = async () => {};
    await expect(client.runs.get('a')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        /^GET http:\/\/127\.0\.0\.1:\d+\/v1\/runs\/a got no answer .*ECONNREFUSED/,
      ),
    });
    expect(await client.health('live')).toBe(false);
  });

  it('tells live from ready', async () => {
    const { client } = await serve({
      'GET /health/live': (_, response) => sendJson(response, {}),
      'GET /health/ready': (_, response) =>
        sendProblem(response, { status: 503, code: 'UNAVAILABLE', detail: 'no database' }),
    });
    expect(await client.health('live')).toBe(true);
    expect(await client.health('ready')).toBe(false);
  });

  it('stops with the reason of its signal', async () => {
    const { client } = await serve({ 'GET /v1/runs/r1': () => {} });
    const reason = new Error('detached');
    await expect(client.runs.get('r1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
