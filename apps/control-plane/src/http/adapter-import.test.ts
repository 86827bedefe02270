/** POST /v1/models with a base: a PEFT adapter beside the model that it belongs to. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClipTokenizer } from '@triptych/datasets';
import { clipParameters, clipPresets } from '@triptych/models/catalog';
import { safetensorsStream } from '@triptych/nn/safetensors';
import { Model, type Problem, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';

const { config } = clipPresets['clip-tiny']!;
let server: TestServer;
let folder: string;
let base: Model;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  await server.stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets, models CASCADE');
  folder = await mkdtemp(join(tmpdir(), 'adapters-'));
  await writeBase();
  base = (await post('/v1/models', { name: 'beneath', path: folder })).json();
  return () => rm(folder, { recursive: true });
});

const post = (url: string, payload: object) => server.app.inject({ method: 'POST', url, payload });

/** Of zeros. */
async function writeBase(): Promise<void> {
  const texts = ['a red square', 'a blue circle'];
  const tokenizer = ClipTokenizer.train(texts, config.text_config.vocab_size).files();
  for (const [name, content] of Object.entries({ 'config.json': JSON.stringify(config), ...tokenizer }))
    await writeFile(join(folder, name), content);
  const shapes = clipParameters(config).flatMap(({ parts }) => parts);
  await writeFile(join(folder, 'model.safetensors'), zeros(shapes));
}

const zeros = (shapes: readonly { readonly name: string; readonly shape: readonly number[] }[]) =>
  safetensorsStream(
    shapes.map(({ name, shape }) => ({
      name,
      shape,
      dtype: 'F32',
      read: async () => new Uint8Array(4 * shape.reduce((product, extent) => product * extent, 1)),
    })),
  );

const layer = 'base_model.model.text_model.encoder.layers.0.self_attn.q_proj';
const stated = { peft_type: 'LORA', r: 2, lora_alpha: 4, bias: 'none' };
async function writeAdapter(change: object = {}, name = layer): Promise<string> {
  const path = join(folder, 'mine');
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'adapter_config.json'), JSON.stringify({ ...stated, ...change }));
  const width = config.text_config.hidden_size;
  const shapes = [
    { name: `${name}.lora_A.weight`, shape: [2, width] },
    { name: `${name}.lora_B.weight`, shape: [width, 2] },
  ];
  await writeFile(join(path, 'adapter_model.safetensors'), zeros(shapes));
  return path;
}
const importAdapter = async (path: string, more: object = { base: 'beneath' }) =>
  post('/v1/models', { name: 'adapted', path, ...more });
const found = async (answer: ReturnType<typeof importAdapter>) =>
  (await answer).json<Problem>().violations?.map((one) => `${one.path}: ${one.actual}`);

test('an adapter lies beside the files of its base, neither changed, under weights of another hash', async () => {
  const answer = await importAdapter(await writeAdapter());
  expect(answer.statusCode).toBe(201);
  const model = answer.json<Model>();
  expect(violationsOf(Model, model)).toEqual([]);
  expect(model.description).toBe('The adapter mine (rank 2, alpha 4) on beneath');
  expect(model).toMatchObject({ architecture: 'clip', config, parameters: base.parameters });
  const hashes = (one: Model) => new Map(one.files?.map(({ path, sha256 }) => [path, sha256]));
  const [own, beneath] = [hashes(model), hashes(base)];
  for (const [path, sha256] of beneath) expect(own.get(path), path).toBe(sha256);
  expect([...own.keys()].filter((path) => !beneath.has(path))).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
  ]);
  expect(model.weights?.sha256).not.toBe(base.weights?.sha256);
  expect(model.weights?.bytes).toBeGreaterThan(base.weights!.bytes);
});

test('it is merged where a model between two is made of it', async () => {
  await importAdapter(await writeAdapter());
  const body = { name: 'between', base: 'beneath', trained: 'adapted', alpha: 1 };
  const model = (await post('/v1/models/interpolations', body)).json<Model>();
  expect(model.files?.map(({ path }) => path)).toEqual(base.files?.map(({ path }) => path));
});

test('it needs a base with weights and without an adapter', async () => {
  const path = await writeAdapter();
  expect(await found(importAdapter(path, {}))).toEqual(['/base: nothing']);
  expect(await found(importAdapter(path, { base: 'clip-tiny' }))).toEqual([
    '/base: the preset "clip-tiny", which has no weights',
  ]);
  expect(await found(importAdapter(path, { base: 'nobody' }))).toEqual(['/base: "nobody"']);
  await importAdapter(path);
  expect(await found(importAdapter(path, { name: 'twice', base: 'adapted' }))).toEqual(['/base: "adapted"']);
  expect((await importAdapter(path)).json()).toMatchObject({ code: 'NAME_TAKEN' });
});

test('one that cannot be obeyed, or is of another model, is refused by field and tensor', async () => {
  expect(await found(importAdapter(await writeAdapter({ use_dora: true, bias: 'all' })))).toEqual([
    '/adapter_config.json/bias: "all"',
    '/adapter_config.json/use_dora: true',
  ]);
  expect(await found(importAdapter(await writeAdapter({ r: 3 })))).toHaveLength(2);
  const other = await found(importAdapter(await writeAdapter({}, 'base_model.model.nowhere.q_proj')));
  expect(other?.[0]).toContain('/adapter_model.safetensors/base_model.model.nowhere.q_proj.lora_');
  const path = await writeAdapter();
  await rm(join(path, 'adapter_model.safetensors'));
  await writeFile(join(path, 'adapter_model.bin'), 'PK');
  expect(await found(importAdapter(path))).toEqual([
    '/adapter_model.bin: a Python pickle, which could run code and is never read',
  ]);
  expect(await found(importAdapter(folder))).toEqual([`/adapter_config.json: nothing in ${folder}`]);
  expect(await server.stores.models.find('adapted')).toBeUndefined();
});
