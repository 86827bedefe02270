import { TriptychError } from '@triptych/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execute } from '../testing/postgres.ts';
import { addDataset, addRun, openTestStores, type TestStores } from '../testing/store.ts';
import { openDatabase } from './database.ts';
import { isOutage, outageReason } from './outage.ts';

const withCode = (code: string, message = 'x') => Object.assign(new Error(message), { code });

test.each([
  ...[
    'P1001',
    'P1017',
    'P2024',
    'P2028',
    'P2034',
    'P2037',
    '08006',
    '40P01',
    '53100',
    '53300',
    '57P01',
    '57P03',
  ],
  ...[
    '25006',
    '58030',
    'ECONNREFUSED',
    'ECONNRESET',
    'ENOTFOUND',
    'EAI_AGAIN',
    'ETIMEDOUT',
    'EPIPE',
    'EHOSTUNREACH',
  ],
])('%s is an outage, also inside of other errors', (code) => {
  const error = withCode(code);
  expect(isOutage(error)).toBe(true);
  expect(isOutage(new Error('wrapped', { cause: error }))).toBe(true);
  expect(isOutage(new AggregateError([new Error('other'), error]))).toBe(true);
});

test.each([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
  'timeout exceeded when trying to connect',
  'Connection is closed.',
  'LOADING Redis is loading the dataset in memory',
  "OOM command not allowed when used memory > 'maxmemory'.",
])('"%s" is an outage', (message) => {
  expect(isOutage(new Error(message))).toBe(true);
});

test.each([
  [withCode('53100', 'could not extend file'), /volume of the database is full; make room/],
  [withCode('P2010', 'Raw query failed. No space left on device'), /volume of the database is full/],
  [withCode('53300'), /no connection left/],
  [new Error("OOM command not allowed when used memory > 'maxmemory'."), /queue is full; raise maxmemory/],
  [new Error('MISCONF Redis is configured to save RDB snapshots'), /Redis cannot save/],
  [withCode('ECONNREFUSED', 'connect to db.internal:5432 as secret'), /^The database cannot be reached; try/],
])('the reason of %s names what helps, and nothing inside', (error, reason) => {
  expect(outageReason(new Error('wrapped', { cause: error }))).toMatch(reason);
});

test.each([
  withCode('P2002'),
  withCode('P2025'),
  withCode('22P05'),
  withCode('23505'),
  withCode('EACCES'),
  new TypeError('x is not a function'),
  new TriptychError('NOT_FOUND', 'There is no run x'),
  undefined,
  'Connection terminated',
])('%s is none', (error) => {
  expect(isOutage(error)).toBe(false);
});

describe('as they come from a real database', () => {
  let stores: TestStores;
  beforeAll(async () => {
    stores = await openTestStores();
  });
  afterAll(() => stores.close());

  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => expect.unreachable('it succeeded'),
      (error: unknown) => error,
    );

  test('a connection that is terminated, in a transaction and outside', async () => {
    const { client } = stores.database;
    expect(isOutage(await failureOf(client.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`))).toBe(
      true,
    );
    const inside = client.$transaction(async (transaction) => {
      const [own] = await transaction.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      await execute(stores.url, 'SELECT pg_terminate_backend($1)', [own?.pid]);
      await transaction.run.count();
    });
    expect(isOutage(await failureOf(inside))).toBe(true);
    expect(await client.run.count()).toBe(0);
  });

  test('nobody who listens', async () => {
    const nowhere = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing' });
    expect(isOutage(await failureOf(nowhere.client.run.count()))).toBe(true);
    await nowhere.close();
  });

  test('what it refuses for good is none', async () => {
    const run = await addRun(stores, { dataset: await addDataset(stores) });
    const { client } = stores.database;
    const message = String.fromCharCode(0);
    expect(isOutage(await failureOf(client.run.update({ where: { id: run.id }, data: { message } })))).toBe(
      false,
    );
  });
});
