/** A CLIP as transformers 5 and open_clip write it goes in, is exported, and transformers loads it with equal tensors. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openClipFiles } from '@triptych/models/catalog';
import { selectBackend } from '@triptych/nn';
import { memoryStore, putFiles } from '@triptych/storage';
import { openModel } from '@triptych/training';
import { afterAll, beforeAll, expect, test } from 'vitest';

// biome-ignore lint/suspicious/noUndeclaredEnvVars: a developer's choice of interpreter; no build depends on it
const python = process.env['TRIPTYCH_PYTHON'] ?? 'python3';
const script = join(dirname(fileURLToPath(import.meta.url)), 'clip_folders.py');
const probe = spawnSync(python, ['-c', 'import torch, transformers; assert transformers.__version__ >= "5"']);
const missing = probe.status !== 0;
if (missing)
  process.stderr.write(`left out: ${python} has no transformers 5 (set TRIPTYCH_PYTHON to one that has)\n`);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peers-'));
  if (missing) return;
  await selectBackend({ backend: 'cpu' });
  run('write', folder);
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...args: string[]) =>
  execFileSync(python, [script, ...args], { env: { ...process.env, HF_HUB_OFFLINE: '1' } }).toString();

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
