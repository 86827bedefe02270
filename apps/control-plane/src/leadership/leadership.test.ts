/** Who leads, on a real Postgres: two candidates, and everything that can happen to the one that leads. */
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '@triptych/runtime';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readLeader } from '../store/leader-record.ts';
import { PrismaRunStore } from '../store/prisma-run-store.ts';
import { execute } from '../testing/postgres.ts';
import { addDataset, addRun, openTestStores, ownedRun, type TestStores } from '../testing/store.ts';
import { Wire } from '../testing/wire.ts';
import { Leadership } from './leadership.ts';
import type { Term } from './term.ts';

const describeModel = async (): Promise<never> => {
  throw new Error('no run ends here');
};
const logger = createLogger({ name: 'test', level: 'silent' });
const timing = { paceMs: 50, confirmedMs: 3000, idleMs: 4000 };
let stores: TestStores;
beforeAll(async () => {
  stores = await openTestStores();
});
afterAll(() => stores.close());

const opened: Candidate[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((candidate) => candidate.leadership.close()));
});

interface Candidate {
  readonly leadership: Leadership<{ close(): Promise<void> }>;
  readonly terms: Term[];
  /** How many of its terms were closed. */
  closed: number;
}

function candidate(name: string, more: { url?: string; now?: () => number } = {}): Candidate {
  const { url = stores.url, now = () => performance.now() } = more;
  const one: Candidate = {
    terms: [],
    closed: 0,
    leadership: new Leadership({
      databaseUrl: url,
      self: { name, grpcAddress: `${name}:8081` },
      open: async (term) => {
        one.terms.push(term);
        return {
          close: async () => {
            one.closed += 1;
          },
        };
      },
      ...{ logger, timing, now },
    }),
  };
  opened.push(one);
  return one;
}

async function pair() {
  const [a, b] = [candidate('a'), candidate('b')];
  await a.leadership.start();
  await b.leadership.start();
  expect([a.leadership.isLeading, b.leadership.isLeading]).toEqual([true, false]);
  return { a, b };
}

const leads = (one: Candidate) => expect.poll(() => one.leadership.isLeading, { interval: 5 }).toBe(true);
const terminateSessions = () =>
  execute(
    stores.url,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'triptych lock'",
  );

test('the first leads and the record says where it is; the other follows, and leads when the first hands over', async () => {
  const { a, b } = await pair();
  expect(await readLeader(stores.database)).toMatchObject({ name: 'a', grpcAddress: 'a:8081' });
  await delay(300);
  expect([a.terms.length, b.terms.length]).toEqual([1, 0]);
  await a.leadership.close();
  expect(a.closed).toBe(1);
  await leads(b);
  expect((b.terms[0] as Term).number).toBeGreaterThan((a.terms[0] as Term).number);
  expect(await readLeader(stores.database)).toMatchObject({ name: 'b' });
});

test('a session that is ended ends the term at once; there is never more than one that leads', async () => {
  const { a, b } = await pair();
  let both = 0;
  const watch = setInterval(() => {
    both += Number(a.leadership.isLeading && b.leadership.isLeading);
  }, 1);
  for (let time = 0; time < 5; time++) {
    const terms = a.terms.length + b.terms.length;
    await terminateSessions();
    await expect.poll(() => a.terms.length + b.terms.length, { interval: 5 }).toBeGreaterThan(terms);
    await expect.poll(() => a.leadership.isLeading || b.leadership.isLeading, { interval: 5 }).toBe(true);
  }
  clearInterval(watch);
  expect(both).toBe(0);
  const numbers = [...a.terms, ...b.terms].map(({ number }) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect([...a.terms, ...b.terms].filter((term) => term.isHeld)).toHaveLength(1);
});

test('a leader that the database cannot hear stops before the lock is given to another', async () => {
  const { port } = new URL(stores.url);
  const wire = await Wire.to(Number(port));
  const url = new URL(stores.url);
  url.port = String(wire.port);
  const a = candidate('a', { url: url.href });
  await a.leadership.start();
  const b = candidate('b');
  await b.leadership.start();
  const term = a.terms[0] as Term;
  let stoppedAt = Number.POSITIVE_INFINITY;
  term.signal.addEventListener('abort', () => {
    stoppedAt = performance.now();
  });
  wire.cut('there');
  await leads(b);
  const tookOverAt = performance.now();
  expect(stoppedAt).toBeLessThan(tookOverAt);
  expect(a.leadership.isLeading).toBe(false);
  wire.heal();
  await delay(200);
  expect([a.leadership.isLeading, b.leadership.isLeading]).toEqual([false, true]);
  wire.close();
});

test('a leader that slept knows when it wakes, before any timer has told it', async () => {
  let slept = 0;
  const a = candidate('a', { now: () => performance.now() + slept });
  await a.leadership.start();
  const [term] = a.terms as [Term];
  expect(term.isHeld).toBe(true);
  slept = 60_000;
  expect(() => term.assertHeld()).toThrow(/not lead any more/);
  expect(a.leadership.office).toBeUndefined();
});

test('what an earlier leader still writes is refused from the moment that another leads, whether its run was taken over or not', async () => {
  const { a, b } = await pair();
  const { id } = await addRun(stores, { dataset: await addDataset(stores) });
  const { fencingToken } = await ownedRun(stores, id);
  const write = () => stores.runs.recordLog(id, fencingToken, { message: 'of the first leader' });
  await write();
  await a.leadership.close();
  await leads(b);
  await expect(write()).rejects.toMatchObject({ code: 'FENCED' });
  // One whose clock stood still still believes in its term.
  const [past, present] = [a.terms[0] as Term, b.terms[0] as Term].map(
    ({ number }) => new PrismaRunStore({ ...stores, describeModel, term: { number, assertHeld: () => {} } }),
  ) as [PrismaRunStore, PrismaRunStore];
  const why = { reason: 'INTERNAL_ERROR', message: 'of the first leader' } as const;
  for (const act of [past.acquire(id), past.giveUp(id, why)])
    await expect(act).rejects.toMatchObject({ code: 'NOT_LEADER' });
  expect(await present.acquire(id)).toMatchObject({ run: { id, status: 'QUEUED' } });
});

test('what a leader runs and cannot open ends its term, and is tried again', async () => {
  let tries = 0;
  const leadership = new Leadership({
    databaseUrl: stores.url,
    self: { name: 'c', grpcAddress: 'c:1' },
    open: async () => {
      tries += 1;
      if (tries < 3) throw new Error('not yet');
      return { close: async () => undefined };
    },
    ...{ logger, timing },
  });
  await leadership.start();
  await expect.poll(() => leadership.office !== undefined).toBe(true);
  expect(tries).toBe(3);
  await leadership.close();
});
