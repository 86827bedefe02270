/** A CLIP as transformers 5 and open_clip write it goes in, is exported, and transformers loads it with equal tensors. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openClipFiles } from '@triptych/models/catalog';
import { selectBackend } from '@triptych/nn';
import { memoryStore, putFiles } from '@triptych/storage';
import { openModel } from '@triptych/training';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isMissing, runScript, TRANSFORMERS } from './python.ts';

const missing = isMissing(TRANSFORMERS, 'transformers 5');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peers-'));
  if (missing) return;
  await selectBackend({ backend: 'cpu' });
  run('write', folder);
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...args: string[]) => runScript('clip_folders.py', ...args);

test.skipIf(missing).each(['transformers', 'sharded'])(
  '%s: in, out, and equal in transformers',
  async (name) => {
    const out = join(folder, `${name}-again`);
    await throughTriptych(join(folder, name), out);
    expect(run('compare', join(folder, name), out)).toContain('equal 94 tensors, logits and token ids');
  },
);

test.skipIf(missing)('open_clip: in, out, and equal in transformers', async (context) => {
  const theirs = join(folder, 'open_clip');
  if (!(await readdir(folder)).includes('open_clip')) return context.skip('open_clip is not installed');
  const out = join(folder, 'open_clip-again');
  await throughTriptych(theirs, out);
  expect(run('open_clip', out, theirs)).toContain('logits differ');
});

/** The way of a model that is imported, opened by a worker and published. */
async function throughTriptych(from: string, to: string): Promise<void> {
  const contents = new Map<string, Uint8Array>();
  for (const path of await readdir(from))
    contents.set(path, new Uint8Array(await readFile(join(from, path))));
  const openClip = contents.get('open_clip_config.json');
  if (openClip)
    for (const [path, text] of Object.entries(openClipFiles(new TextDecoder().decode(openClip))))
      contents.set(path, new TextEncoder().encode(text));
  const store = memoryStore();
  const files = [...contents].map(([path, content]) => ({ path, content }));
  const { sha256 } = await putFiles(store, files);
  const { architecture, factory, config, files: texts, weights } = await openModel(store, sha256);
  using model = await factory.open({
    config,
    tensors: architecture.parameters(config),
    trains: ['text'],
    adapts: [],
    weights,
    files: texts,
    memory: 'keep',
    inputs: {},
    seed: 1,
  });
  await mkdir(to);
  for (const { path, content } of model.export()) {
    const pieces: Uint8Array[] = [];
    if (content instanceof Uint8Array) pieces.push(content);
    else for await (const piece of content()) pieces.push(piece);
    await writeFile(join(to, path), Buffer.concat(pieces));
  }
}
