/** `FUZZ_SEED` and `FUZZ_REQUESTS` (`npm run fuzz`: 100,000) choose other requests, or more of them. */
import { presets } from '@triptych/models/catalog';
import { Problem, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostileRequest, type Known, type OpenApi, randomOf } from '../testing/hostile-requests.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset, addRun, anyHash } from '../testing/store.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1e9);
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 20_000);
const AT_ONCE = 16;

let server: TestServer;
let known: Known;
beforeAll(async () => {
  server = await startTestServer();
  const dataset = await addDataset(server.stores);
  const run = await addRun(server.stores, { dataset });
  await server.stores.runs.requestCancel(run.id);
  const models = ['clip-tiny', 'flamingo-tiny', 'llava-tiny'];
  for (const preset of models) {
    const { architecture, config } = presets.get(preset)!;
    await server.stores.models.insert({
      ...{ name: `own-${preset}`, architecture: architecture.name, description: '', parameters: 1 },
      ...{ config: { ...config }, artifact: anyHash('a'), files: [] },
      weights: { sha256: anyHash('b'), bytes: 1 },
    });
  }
  const own = models.map((name) => `own-${name}`);
  known = {
    ...{ id: [run.id, dataset.id, 'scenes', 'clip-tiny'], dataset: ['scenes'], model: [...models, ...own] },
    ...{
      base: models,
      trained: models,
      path: ['/nowhere'],
      image: ['aGVsbG8='],
      status: ['QUEUED'],
      limit: ['1'],
      after: ['0'],
    },
  };
});
afterAll(() => server.close());

test(`${requests} hostile requests are refused by name, and none of them is our mistake (FUZZ_SEED=${seed})`, async () => {
  const random = randomOf(seed);
  const document: OpenApi = (await server.app.inject('/docs/json')).json();
  const wrong: string[] = [];
  const statuses: Record<number, number> = {};
  for (let sent = 0; sent < requests && wrong.length < 10; sent += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, () => hostileRequest(document, known, random));
    const answers = await Promise.all(batch.map((request) => server.app.inject(request)));
    for (const [i, answer] of answers.entries()) {
      const { statusCode, headers, body } = answer;
      statuses[statusCode] = (statuses[statusCode] ?? 0) + 1;
      const isProblem =
        /^application\/problem\+json/.test(String(headers['content-type'])) &&
        violationsOf(Problem, JSON.parse(body)).length === 0;
      const { method, url, payload } = batch[i]!;
      // There are no workers to ask a model.
      const isLate = statusCode === 503 && String(url).startsWith('/v1/predictions');
      if (statusCode < 400 || ((statusCode < 500 || isLate) && isProblem)) continue;
      wrong.push(
        `${statusCode} to ${method} ${String(url)} ${String(payload).slice(0, 300)}: ${body.slice(0, 300)}`,
      );
    }
  }
  const failed = server.log.filter(({ event }) => event === 'request-failed');
  expect(wrong, JSON.stringify(failed.slice(0, 10), null, 1)).toEqual([]);
  // Every route must be reached with most of the requests being refused: else this looks at nothing.
  expect(statuses[422]! + statuses[404]! + statuses[400]!).toBeGreaterThan(requests / 2);
  expect((await server.app.inject('/health/ready')).statusCode).toBe(200);
});

test('without a token they reach nothing of the API', async () => {
  const random = randomOf(seed + 1);
  const document: OpenApi = (await server.app.inject('/docs/json')).json();
  const wrong: string[] = [];
  let refused = 0;
  for (let sent = 0; sent < requests / 10; sent += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, () => hostileRequest(document, known, random));
    const answers = await Promise.all(batch.map((request) => server.injectAsNobody(request)));
    for (const [i, { statusCode, body }] of answers.entries()) {
      const { method, url } = batch[i]!;
      if (statusCode === 401) refused += 1;
      // A request of another server's page (403), a path that is none (404), and logging in come before the question who it is.
      const isLogin = String(url).startsWith('/v1/login') && method === 'POST';
      const isOpen = !String(url).startsWith('/v1') || isLogin;
      if ([401, 403, 404].includes(statusCode) || (isOpen && statusCode < 500)) continue;
      wrong.push(`${statusCode} to ${method} ${String(url)}: ${body.slice(0, 300)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(refused).toBeGreaterThan(requests / 20);
});
