import type { Dataset } from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDataset, addRun, openTestStores, specOf, type TestStores } from '../testing/store.ts';

let stores: TestStores;
let dataset: Dataset;
beforeAll(async () => {
  stores = await openTestStores();
});
afterAll(() => stores.close());
beforeEach(async () => {
  await stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets CASCADE');
  dataset = await addDataset(stores);
});

const submit = (key: string, body: unknown = { a: 1 }) =>
  stores.submission.insert({
    spec: specOf(),
    architecture: 'clip',
    datasetId: dataset.id,
    totalSteps: 12,
    idempotency: { key, body },
  });

test('the same key makes one run, however many ask at once', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => submit('k')));
  expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
});

test('the order of fields is no other body; another value is', async () => {
  const { run } = await submit('k', { a: 1, b: { c: 2, d: 3 } });
  expect((await submit('k', { b: { d: 3, c: 2 }, a: 1 })).run.id).toBe(run.id);
  await expect(submit('k', { a: 1, b: { c: 2, d: 4 } })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_KEY_REUSED',
  });
});

test('a name is taken once', async () => {
  await addRun(stores, { dataset, spec: { name: 'mine' } });
  await expect(addRun(stores, { dataset, spec: { name: 'mine' } })).rejects.toMatchObject({
    code: 'NAME_TAKEN',
  });
});

test('pages hold every run exactly once, newest first, while runs arrive', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 7; i++) ids.push((await addRun(stores, { dataset })).id);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await stores.history.list({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(3);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
    await addRun(stores, { dataset });
  } while (cursor !== undefined);
  expect(seen).toEqual(ids.reverse());
  await expect(stores.history.list({ cursor: 'tampered' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

test('filters', async () => {
  const other = await addDataset(stores, 'other');
  const here = await addRun(stores, { dataset });
  const there = await addRun(stores, { dataset: other, spec: { model: 'clip-small' } });
  await stores.runs.requestCancel(there.id);
  const idsOf = async (filter: Parameters<typeof stores.history.list>[0]) =>
    (await stores.history.list(filter)).items.map(({ id }) => id);
  expect(await idsOf({ dataset: 'other' })).toEqual([there.id]);
  expect(await idsOf({ dataset: dataset.id })).toEqual([here.id]);
  expect(await idsOf({ status: 'QUEUED' })).toEqual([here.id]);
  expect(await idsOf({ model: 'clip-small' })).toEqual([there.id]);
  expect(await idsOf({ model: 'clip-small', status: 'QUEUED' })).toEqual([]);
});
