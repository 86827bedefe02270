/** Folders that are read behind the answer of a request: the real routes, record and reader, and readers that end on the way. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TriptychClient } from '@triptych/client';
import { writeScenes } from '@triptych/datasets';
import { type Dataset, TriptychError } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import type { ArtifactStore } from '@triptych/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deferred } from '../testing/deferred.ts';
import { registered, startTestServer, type TestServer } from '../testing/server.ts';
import { addRun } from '../testing/store.ts';
import { Registrar, type RegistrarOptions } from './registrar.ts';

let server: TestServer;
let home: string;
let path: string;
let client: TriptychClient;
beforeAll(async () => {
  server = await startTestServer();
  home = await mkdtemp(join(tmpdir(), 'registrar-'));
  path = join(home, 'scenes');
  await writeScenes({ path, images: 40, seed: 1 });
  await server.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = server.app.server.address() as AddressInfo;
  client = new TriptychClient({ url: `http://127.0.0.1:${port}`, headers: server.asAdmin });
});
afterAll(async () => {
  await server.close();
  await rm(home, { recursive: true });
});
beforeEach(() => server.stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets, models CASCADE'));

test('a client hears of every stage, and gets the dataset in the end', async () => {
  const { id } = await client.datasets.register({ name: 'scenes', path });
  const heard: Dataset[] = [];
  const dataset = await client.datasets.ready(id, { onChange: (one) => heard.push(one) });
  expect(dataset).toMatchObject({ id, name: 'scenes', state: 'READY', format: 'scenes' });
  expect(heard.at(-1)).toEqual(dataset);
  expect(heard.slice(0, -1).every(({ state, manifest }) => state === 'VALIDATING' && !manifest)).toBe(true);
  // Who comes later gets the end at once.
  expect(await client.datasets.ready('scenes')).toEqual(dataset);
  await expect(client.datasets.ready('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a folder that cannot be used makes the dataset INVALID, with the reason; its name is free', async () => {
  const empty = join(home, 'empty');
  await mkdir(empty, { recursive: true });
  await writeFile(join(empty, 'README'), 'nothing here');
  const first = await client.datasets.register({ name: 'mine', path: empty });
  await expect(client.datasets.ready('mine')).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: expect.stringContaining('Dataset mine is INVALID: The folder has no layout that is known'),
  });
  const spec = { model: 'clip-tiny', dataset: 'mine' };
  await expect(client.runs.create(spec)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    violations: [
      {
        path: '/dataset',
        expected: 'a dataset that is READY',
        actual: expect.stringContaining('"mine", which is INVALID: The folder'),
        remedy: 'mend its folder and register it again',
      },
    ],
  });
  const second = await client.datasets.register({ name: 'mine', path });
  expect(second.id).not.toBe(first.id);
  expect(await client.datasets.ready('mine')).toMatchObject({ id: second.id, state: 'READY' });
  await expect(client.datasets.register({ name: 'mine', path })).rejects.toMatchObject({
    code: 'NAME_TAKEN',
  });
});

/** A store whose writes wait for a sign. */
function slowStore(artifacts: ArtifactStore) {
  const [reached, freed] = [deferred(), deferred()];
  const store: ArtifactStore = Object.assign(Object.create(artifacts) as ArtifactStore, {
    put: async (content: Uint8Array) => {
      reached.resolve();
      await freed.promise;
      return artifacts.put(content);
    },
  });
  return { store, reached: reached.promise, free: freed.resolve, fail: freed.reject };
}

describe('a reading that is under way', () => {
  let registrar: Registrar;
  const logger = createLogger({ name: 'test', stream: { write: () => undefined } });

  function readingWith(artifacts: ArtifactStore, more: Partial<RegistrarOptions> = {}): Registrar {
    const { datasets, notifier, holds } = server.stores;
    registrar = new Registrar({
      ...{ datasets, artifacts, notifier, logger, holds, reportMs: 5, pollMs: 5, patienceMs: 20 },
      ...more,
    });
    registrar.start();
    return registrar;
  }
  const begin = (name = 'scenes') => server.stores.datasets.begin({ name, path });
  const triesOf = async (id: string) =>
    (await server.stores.database.client.dataset.findUniqueOrThrow({ where: { id } })).tries;

  test('is begun again by whoever comes after the end of the process', async () => {
    const { store, reached, fail } = slowStore(server.stores.artifacts);
    readingWith(store);
    const { id } = await begin();
    await reached;
    const closing = registrar.close();
    fail(new Error('the disk goes with the process'));
    await closing;
    expect(await server.stores.datasets.get(id)).toMatchObject({ state: 'VALIDATING' });
    expect(await triesOf(id)).toBe(0);
    readingWith(server.stores.artifacts);
    expect(await registered(server, 'scenes')).toMatchObject({ id, state: 'READY' });
    await registrar.close();
  });

  test.each(['cancel', 'delete'] as const)('ends with a %s, here and in another process', async (how) => {
    const { store, reached, free } = slowStore(server.stores.artifacts);
    readingWith(store);
    const { id } = await begin();
    await reached;
    // Over the routes of the server, whose registrar is another one.
    await client.datasets[how]('scenes');
    free();
    await registrar.close();
    if (how === 'cancel') {
      expect(await client.datasets.get(id)).toMatchObject({
        state: 'INVALID',
        failure: { code: 'CANCELLED', message: expect.stringContaining('was cancelled') },
      });
      await expect(client.datasets.ready(id)).rejects.toMatchObject({ code: 'CANCELLED' });
      await expect(client.datasets.cancel(id)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
    } else await expect(client.datasets.get(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('waits where there is no room, says so, and goes on', async () => {
    let full = true;
    const { artifacts } = server.stores;
    const store = Object.assign(Object.create(artifacts) as ArtifactStore, {
      put: async (content: Uint8Array) => {
        if (full) throw new TriptychError('STORAGE_FULL', 'The volume has no room left');
        return artifacts.put(content);
      },
    });
    readingWith(store);
    const { id } = await begin();
    await expect
      .poll(async () => (await server.stores.datasets.get(id)).progress)
      .toMatchObject({ phase: 'waiting', message: 'The volume has no room left' });
    full = false;
    expect(await registered(server, 'scenes')).toMatchObject({ id, state: 'READY' });
    await registrar.close();
  });

  test('that ended its process three times is not tried a fourth time', async () => {
    const { id } = await begin();
    for (let i = 0; i < 3; i++) await server.stores.datasets.take(id);
    readingWith(server.stores.artifacts);
    const { state, failure } = await registered(server, 'scenes');
    expect([state, failure?.message]).toEqual(['INVALID', expect.stringContaining('ended 3 times')]);
    await registrar.close();
  });

  test('leaves room for others: as many at once as it has width, the oldest first', async () => {
    const { store, reached, free } = slowStore(server.stores.artifacts);
    const names = ['a', 'b', 'c'];
    for (const name of names) await begin(name);
    readingWith(store, { width: 1 });
    await reached;
    const phases = async () =>
      (await server.stores.datasets.unread()).map(({ name, progress }) => [
        name,
        progress?.phase !== 'waiting',
      ]);
    await expect.poll(phases).toEqual([
      ['a', true],
      ['b', false],
      ['c', false],
    ]);
    free();
    for (const name of names) expect((await registered(server, name)).state).toBe('READY');
    await registrar.close();
  });
});

test('a dataset that is deleted for its past runs keeps its manifest there', async () => {
  await client.datasets.register({ name: 'scenes', path });
  const dataset = await client.datasets.ready('scenes');
  const run = await addRun(server.stores, { dataset });
  await server.stores.runs.requestCancel(run.id);
  await client.datasets.delete('scenes');
  expect(await client.runs.datasets(run.id)).toMatchObject([{ id: dataset.id, manifest: dataset.manifest }]);
});
