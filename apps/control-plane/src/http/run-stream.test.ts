import type { AddressInfo } from 'node:net';
import type { Dataset, Run, RunEvent } from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { RunNotifier } from '../store/run-notifier.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset, addRun, metricOf, progressOf } from '../testing/store.ts';
import { Followers } from './followers.ts';
import { runStream } from './run-stream.ts';

let server: TestServer;
let run: Run;
let dataset: Dataset;
beforeAll(async () => {
  server = await startTestServer();
  dataset = await addDataset(server.stores);
});
afterAll(() => server.close());
beforeEach(async () => {
  run = await addRun(server.stores, { dataset });
});

const stream = (headers: Record<string, string> = {}) =>
  server.app.inject({
    url: `/v1/runs/${run.id}/events`,
    headers: { accept: 'text/event-stream', ...headers },
  });

/** The messages of a stream, read as a browser reads them. */
const messagesOf = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block.startsWith('id:'))
    .map((block) => {
      const field = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1] ?? '';
      return { id: Number(field('id')), event: field('event'), data: JSON.parse(field('data')) as RunEvent };
    });

async function work(): Promise<void> {
  const { runs } = server.stores;
  const tenure = await runs.acquire(run.id);
  if (!tenure) throw new Error('over');
  const token = tenure.fencingToken;
  for (const event of ['schedule', 'place', 'start'] as const)
    await runs.transition(run.id, token, { event, reason: 'TRAINING', message: event });
  await runs.recordSteps(run.id, token, { steps: [metricOf(1)], progress: progressOf(1), lastSequence: 1 });
  await runs.transition(run.id, token, { event: 'fail', reason: 'OUT_OF_MEMORY', message: 'no memory' });
}

test('a live stream tells everything in order and ends with the run', async () => {
  const streaming = stream();
  await work();
  const answer = await streaming;
  expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
  const messages = messagesOf(answer.body);
  expect(messages.map(({ id, event }) => `${id} ${event}`)).toEqual([
    '1 state',
    '2 state',
    '3 state',
    '4 state',
    '5 progress',
    '6 state',
  ]);
  expect(messages.at(-1)?.data).toMatchObject({ sequence: 6, status: 'FAILED', reason: 'OUT_OF_MEMORY' });
  expect(server.stores.notifier.size).toBe(0);
});

test('Last-Event-ID resumes without loss or repetition; past the end it ends', async () => {
  await work();
  expect(messagesOf((await stream({ 'last-event-id': '4' })).body).map(({ id }) => id)).toEqual([5, 6]);
  expect(messagesOf((await stream({ 'last-event-id': '6' })).body)).toEqual([]);
  expect((await stream({ 'last-event-id': 'six' })).statusCode).toBe(422);
});

test('a quiet stream beats, and ends when its reader goes', async () => {
  const gone = new AbortController();
  const follower = new Followers(server.stores).follow(run.id, 1);
  const options = { follower, signal: gone.signal, heartbeatMs: 0 };
  const seen: string[] = [];
  for await (const text of runStream(server.stores, options)) {
    seen.push(text);
    if (seen.length === 3) gone.abort();
  }
  expect(seen).toEqual(['retry: 1000\n\n', ': heartbeat\n\n', ': heartbeat\n\n']);
  expect(server.stores.notifier.size).toBe(0);
});

test('quiet streams ask the database together, and what another process writes reaches them', async () => {
  const { history, runs } = server.stores;
  const asked = { together: 0, alone: 0 };
  const counting = {
    sequences: (ids: readonly string[]) => {
      asked.together += 1;
      return history.sequences(ids);
    },
    events: (...given: Parameters<typeof history.events>) => {
      asked.alone += 1;
      return history.events(...given);
    },
  } as unknown as typeof history;
  // Woken by nobody: the writes are another notifier's.
  const followers = new Followers({ history: counting, notifier: new RunNotifier(), pollMs: 5 });
  const streams = Array.from({ length: 20 }, async () => {
    const text: string[] = [];
    const { signal } = new AbortController();
    const follower = followers.follow(run.id, 0);
    for await (const one of runStream({ history: counting, runs }, { follower, signal })) text.push(one);
    return messagesOf(text.join('')).map(({ id }) => id);
  });
  // Once all have begun, ten questions more for all of them, and none of one alone: however long that takes here.
  await vi.waitFor(
    async () => {
      const before = { ...asked };
      await vi.waitFor(() => expect(asked.together).toBeGreaterThan(before.together + 10), {
        timeout: 30_000,
      });
      expect(before.alone).toBeGreaterThanOrEqual(20);
      expect(asked.alone).toBe(before.alone);
    },
    { timeout: 90_000 },
  );
  await work();
  for (const ids of await Promise.all(streams)) expect(ids).toEqual([1, 2, 3, 4, 5, 6]);
  expect(followers.size).toBe(0);
});

test('there is a limit to streams, which says what to do', () => {
  const followers = new Followers({ ...server.stores, mostStreams: 1 });
  const first = followers.follow(run.id, 0);
  expect(() => followers.follow(run.id, 0)).toThrow(/1 event streams are open.*close some/);
  first[Symbol.dispose]();
  using second = followers.follow(run.id, 0);
  expect(second.last).toBe(0);
});

test('pages hold the same events; a run that is not there is told in both forms', async () => {
  await work();
  const page = (await server.app.inject(`/v1/runs/${run.id}/events?after=1&limit=2`)).json();
  expect(page.items.map((event: RunEvent) => event.sequence)).toEqual([2, 3]);
  expect(page.nextSequence).toBe(3);
  const steps = (await server.app.inject(`/v1/runs/${run.id}/metrics`)).json();
  expect(steps).toEqual({ items: [metricOf(1)], nextStep: 1 });
  expect((await server.app.inject(`/v1/runs/${run.id}/checkpoints`)).json()).toEqual({ items: [] });
  for (const accept of ['application/json', 'text/event-stream'])
    expect(
      (await server.app.inject({ url: '/v1/runs/run_no/events', headers: { accept } })).json(),
    ).toMatchObject({ code: 'NOT_FOUND' });
});

test('stopping the server ends its streams', async () => {
  const other = await startTestServer();
  run = await addRun(other.stores, { dataset: await addDataset(other.stores) });
  await other.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = other.app.server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/v1/runs/${run.id}/events`, {
    headers: { ...other.asAdmin, accept: 'text/event-stream' },
  });
  const reading = response.text();
  await other.close();
  expect(messagesOf(await reading).map(({ id }) => id)).toEqual([1]);
});
