import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertDataset, openTestStores, type TestStores } from '../testing/store.ts';
import { storable } from './storable.ts';

let stores: TestStores;
beforeAll(async () => {
  stores = await openTestStores();
});
afterAll(() => stores.close());

test('what Postgres refuses becomes U+FFFD, in every string and key; the rest stays as it is', () => {
  const at = new Date(0);
  const value = { 'a\0': ['b\uD83D', 'dog \u{1F436}', 7, null, true], at, big: 7n };
  expect(storable(value)).toEqual({ 'a\uFFFD': ['b\uFFFD', 'dog \u{1F436}', 7, null, true], at, big: 7n });
});

test('a dataset whose files have such names is registered, and names them', async () => {
  const dataset = await insertDataset(stores, {
    name: 'hostile',
    format: 'class-folders',
    path: '/data/hostile',
    manifest: 'd'.repeat(64),
    bytes: 1,
    splits: [],
    classNames: ['cat\uDC00'],
    problems: [{ kind: 'missing-image', count: 1, examples: ['cat\0.jpg'] }],
  });
  expect(dataset).toMatchObject({ classNames: ['cat\uFFFD'], problems: [{ examples: ['cat\uFFFD.jpg'] }] });
});
