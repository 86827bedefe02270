/** Many users at once, and users who make mistakes. */
import { TriptychError } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ workers: 0 });
});
afterAll(() => service?.close());

test('500 runs submitted concurrently are all queued once, listed, and cancelled', async () => {
  const { client } = service;
  const spec = tinySpec({ steps: 5, workers: 1 });
  const created = await Promise.all(Array.from({ length: 500 }, () => client.runs.create(spec)));
  const ids = new Set(created.map((run) => run.id));
  expect(ids.size).toBe(500);

  const listed = await idsOf(client.runs.list({ pageSize: 97 }));
  expect(listed).toHaveLength(500);
  expect(new Set(listed)).toEqual(ids);

  const waiting = await client.runs.get(created[0]!.id);
  expect(waiting.status === 'QUEUED' || waiting.status === 'SCHEDULING').toBe(true);

  await Promise.all(created.map((run) => client.runs.cancel(run.id)));
  for (const run of created) expect((await service.finished(run.id)).status).toBe('CANCELLED');
});

test('the same idempotency key is the same run; with another body it is refused', async () => {
  const { client } = service;
  const spec = tinySpec({ steps: 5, workers: 1 });
  const [first, second] = await Promise.all([
    client.runs.create(spec, { idempotencyKey: 'once' }),
    client.runs.create(spec, { idempotencyKey: 'once' }),
  ]);
  expect(second.id).toBe(first.id);
  const refused = client.runs.create({ ...spec, seed: 5 }, { idempotencyKey: 'once' });
  await expect(refused).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  await client.runs.cancel(first.id);
});

test('a spec with many mistakes is answered with all of them at once', async () => {
  const wrong = {
    model: 'clip-tiny',
    dataset: 'no-such-dataset',
    seed: -1,
    colour: 'red',
    batch: { global: 1e12 },
  };
  const error = await service.client.runs.create(wrong as never).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(TriptychError);
  const paths = (error as TriptychError).violations.map((violation) => violation.path);
  expect(paths).toEqual(expect.arrayContaining(['/seed', '/colour', '/batch/global']));
});

test.each([
  ['a broken JSON body', { body: '{"model": ', type: 'application/json' }, 400, 'MALFORMED_BODY'],
  [
    'a body of 100 MB',
    { body: `{"model":"${'x'.repeat(1e8)}"}`, type: 'application/json' },
    413,
    'BODY_TOO_LARGE',
  ],
  [
    'a body that is not JSON',
    { body: 'model=clip', type: 'application/x-www-form-urlencoded' },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
])('%s is a problem with a code', async (_name, { body, type }, status, code) => {
  const response = await fetch(`${service.stack.url}/v1/runs`, {
    method: 'POST',
    body,
    headers: { 'content-type': type, authorization: `Bearer ${service.stack.token}` },
  });
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect(await response.json()).toMatchObject({ code, status });
});

async function idsOf(runs: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const ids: string[] = [];
  for await (const run of runs) ids.push(run.id);
  return ids;
}
