import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { folderStore } from './folder-store.ts';
import { openStore } from './store-url.ts';

it('opens the folder of a file URL', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'triptych url-'));
  const { sha256 } = await openStore(pathToFileURL(folder).href).put(new Uint8Array([1, 2, 3]));
  expect(await folderStore(folder).has(sha256)).toBe(true);
  await rm(folder, { recursive: true });
});

it.each(['', 'artifacts', '/var/artifacts', 'ftp://host/x', 'file://host/x'])('refuses %j', (url) => {
  expect(() => openStore(url)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
});
