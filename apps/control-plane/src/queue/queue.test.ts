/** One contract for both stores. Oracle: the deliveries themselves, and BullMQ's own counts. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deferred } from '../testing/deferred.ts';
import { createTestDatabase } from '../testing/postgres.ts';
import { createQueue } from './create-queue.ts';
import type { Delivery, DeliveryQueue, Disposition } from './delivery-queue.ts';
import { openBacking } from './queue-backing.ts';
import { redisIsHere, startRedis } from './testing/redis.ts';

interface Server {
  readonly url: string;
  close(): Promise<void>;
}

const stores: { name: string; start?: () => Promise<Server> }[] = [
  { name: 'redis', ...(redisIsHere() && { start: startRedis }) },
  { name: 'postgres', start: createTestDatabase },
];

for (const store of stores) {
  if (!store.start) {
    process.stdout.write('SKIPPED: the queue contract on Redis (no redis-server on PATH, no REDIS_URL)\n');
    describe.skip(`the run queue on ${store.name}`);
  } else describe(`the run queue on ${store.name}`, () => contract(store.start as () => Promise<Server>));
}

function contract(start: () => Promise<Server>) {
  let server: Server;
  const open: DeliveryQueue[] = [];

  beforeAll(async () => {
    server = await start();
  });
  afterAll(async () => {
    await server?.close();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((queue) => queue.close()));
  });

  const newNamespace = () => `t_${randomUUID().replaceAll('-', '')}`;
  const openQueue = async (namespace = newNamespace()) => {
    const queue = await createQueue({ url: server.url, namespace, lockMs: 1000, stalledCheckMs: 500 });
    open.push(queue);
    return queue;
  };

  test('delivers the most urgent first, runs of one priority in order of submission, each once', async () => {
    const queue = await openQueue();
    await queue.enqueueAll([
      { runId: 'later', priority: 50 },
      { runId: 'urgent', priority: 0 },
      { runId: 'latest', priority: 50 },
    ]);
    await queue.enqueue('urgent', 0);
    const seen = collect(queue, 3);
    expect(await seen).toEqual(['urgent', 'later', 'latest']);
    await empty(queue);
  });

  test('500 runs submitted at once are queued once and all delivered while none is finished', async () => {
    const queue = await openQueue();
    const ids = Array.from({ length: 500 }, (_, index) => `run-${index}`);
    await Promise.all(ids.map((id) => queue.enqueue(id, 50)));
    expect((await queue.depth()).waiting).toBe(500);
    const finish = deferred();
    const delivered = new Set<string>();
    const all = deferred();
    queue.consume(async ({ runId }) => {
      delivered.add(runId);
      if (delivered.size === 500) all.resolve();
      await finish.promise;
      return { kind: 'done' };
    });
    await all.promise;
    finish.resolve();
    await empty(queue);
  });

  test('a run that the queue will never take is named, and the others are queued', async () => {
    const queue = await openQueue();
    const refused = await queue.enqueueAll([
      { runId: 'first', priority: 10 },
      { runId: 'absurd', priority: 3_000_000 },
      { runId: 'last', priority: 10 },
    ]);
    expect(refused).toEqual([{ runId: 'absurd', message: expect.stringMatching(/priority 3000000: /i) }]);
    expect((await queue.depth()).waiting).toBe(2);
    await expect(queue.enqueue('absurd', 3_000_000)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('a run that asks for a retry comes back after its delay, not before', async () => {
    const queue = await openQueue();
    await queue.enqueue('again', 10);
    const times: number[] = [];
    const twice = deferred();
    queue.consume(async () => {
      times.push(performance.now());
      if (times.length < 2) return { kind: 'retry', delayMs: 300 };
      twice.resolve();
      return { kind: 'done' };
    });
    await twice.promise;
    // The store rounds to milliseconds.
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(295);
    await empty(queue);
  });

  test('a handler that rejects gets the run again', async () => {
    const queue = await openQueue();
    await queue.enqueue('shaky', 10);
    let calls = 0;
    const done = deferred();
    queue.consume(async () => {
      calls += 1;
      if (calls === 1) throw new Error('the database was away');
      done.resolve();
      return { kind: 'done' };
    });
    await done.promise;
    expect(calls).toBe(2);
  });

  test('a removed run is not delivered, and removing what is not there is harmless', async () => {
    const queue = await openQueue();
    await queue.enqueueAll([
      { runId: 'gone', priority: 1 },
      { runId: 'kept', priority: 2 },
    ]);
    await queue.remove('gone');
    await queue.remove('never-there');
    expect(await collect(queue, 1)).toEqual(['kept']);
    await empty(queue);
  });

  test('a finished run can be queued again under the same id', async () => {
    const queue = await openQueue();
    const seen = collect(queue, 2);
    await queue.enqueue('phoenix', 1);
    await empty(queue);
    await queue.enqueue('phoenix', 1);
    expect(await seen).toEqual(['phoenix', 'phoenix']);
  });

  test('closing aborts the deliveries and hands released runs to the next consumer at once', async () => {
    const namespace = newNamespace();
    const first = await openQueue(namespace);
    await first.enqueue('handed-over', 1);
    const started = deferred();
    first.consume(async ({ signal }) => {
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
      started.resolve();
      await aborted;
      return { kind: 'release' };
    });
    await started.promise;
    await first.close();
    const second = await openQueue(namespace);
    expect(await collect(second, 1)).toEqual(['handed-over']);
  });

  test('a run whose consumer vanished is delivered again once its lock has run out, however often that happens', async () => {
    const namespace = newNamespace();
    const queue = await openQueue(namespace);
    await queue.enqueue('orphan', 1);
    for (let life = 0; life < 3; life++) await loseConsumer({ url: server.url, namespace });
    expect(await collect(queue, 1)).toEqual(['orphan']);
  });
}

/** The ids of the first `count` deliveries; each is answered with `done`. */
function collect(queue: DeliveryQueue, count: number): Promise<string[]> {
  const seen: string[] = [];
  return new Promise((resolve) => {
    queue.consume(async ({ runId }: Delivery): Promise<Disposition> => {
      seen.push(runId);
      if (seen.length === count) resolve(seen);
      return { kind: 'done' };
    });
  });
}

async function empty(queue: DeliveryQueue): Promise<void> {
  await expect
    .poll(() => queue.depth(), { timeout: 20_000, interval: 20 })
    .toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 });
}

/** A consumer that takes one run and is never heard of again: what a `kill -9` leaves in the store. */
async function loseConsumer(options: { url: string; namespace: string }): Promise<void> {
  const backing = await openBacking(options);
  const worker = backing.worker('runs', () => new Promise(() => {}), {
    lockDuration: 300,
    stalledInterval: 200,
    skipLockRenewal: true,
    maxStalledCount: 1000,
  });
  await new Promise((resolve) => worker.once('active', resolve));
  await worker.close(true);
}
