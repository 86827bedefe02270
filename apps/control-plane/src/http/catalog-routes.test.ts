import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClipTokenizer, formatNames, writeScenes } from '@triptych/datasets';
import { clipParameters, clipPresets } from '@triptych/models/catalog';
import {
  Dataset,
  DatasetPage,
  Model,
  ModelPage,
  type Problem,
  type ReadyDataset,
  violationsOf,
} from '@triptych/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { registered, startTestServer, type TestServer } from '../testing/server.ts';
import { insertDataset } from '../testing/store.ts';

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  await server.stores.database.client.$executeRawUnsafe('TRUNCATE runs, datasets, models CASCADE');
  folder = await mkdtemp(join(tmpdir(), 'catalog-'));
  return () => rm(folder, { recursive: true });
});

const post = (url: string, payload: object) => server.app.inject({ method: 'POST', url, payload });
const get = async (url: string) => (await server.app.inject(url)).json();

describe('datasets', () => {
  test('a folder is packed, counted and found by id and by name', async () => {
    const path = join(folder, 'scenes');
    await writeScenes({ path, images: 40, seed: 1 });
    const answer = await post('/v1/datasets', { name: 'scenes', path });
    expect([answer.statusCode, answer.json().state]).toEqual([202, 'VALIDATING']);
    const dataset = (await registered(server, 'scenes')) as ReadyDataset;
    expect([dataset.id, dataset.state]).toEqual([answer.json().id, 'READY']);
    expect(answer.headers.location).toBe(`/v1/datasets/${dataset.id}`);
    expect(violationsOf(Dataset, dataset)).toEqual([]);
    expect(dataset.splits.reduce((sum, { images }) => sum + images, 0)).toBe(40);
    expect(await server.stores.artifacts.has(dataset.manifest)).toBe(true);
    expect(await get(`/v1/datasets/${dataset.id}`)).toEqual(dataset);
    expect(await get('/v1/datasets/scenes')).toEqual(dataset);
    const page = await get('/v1/datasets');
    expect(violationsOf(DatasetPage, page)).toEqual([]);
    expect(page.items).toEqual([dataset]);
    expect((await post('/v1/datasets', { name: 'scenes', path })).json()).toMatchObject({
      status: 409,
      code: 'NAME_TAKEN',
    });
  });

  test('one folder is registered twice: as captions, and as questions', async () => {
    const path = join(folder, 'scenes');
    await writeScenes({ path, images: 20, seed: 1 });
    const answer = await post('/v1/datasets', { name: 'asked', path, format: 'scenes-questions' });
    expect(answer.statusCode).toBe(202);
    expect((await registered(server, 'asked')).splits[0]).toMatchObject({
      split: 'train',
      samples: 64,
      images: 16,
      captions: 0,
      contents: { question: 64, captions: 0 },
    });
  });

  test('the documentation lists the formats that there are', async () => {
    const { components } = await get('/docs/json');
    expect(components.schemas.RegisterDataset.properties.format.enum).toEqual([...formatNames]);
    expect(formatNames).toEqual(expect.arrayContaining(['auto', 'scenes', 'llava', 'easy-vqa']));
  });

  test('a row of the release before, in which samples were images, has all its numbers', async () => {
    await insertDataset(server.stores, {
      name: 'old',
      format: 'scenes',
      path: '/data',
      manifest: 'd'.repeat(64),
      bytes: 1,
      splits: [{ split: 'train', images: 100, captions: 300, classes: 7 }] as unknown as Dataset['splits'],
      classNames: [],
      problems: [],
    });
    const dataset = await get('/v1/datasets/old');
    expect(violationsOf(Dataset, dataset)).toEqual([]);
    expect(dataset.splits[0]).toMatchObject({
      samples: 100,
      images: 100,
      contents: { captions: 100, question: 0 },
    });
  });

  test('a folder that is not there, a file, a name that cannot be one', async () => {
    const missing = (await post('/v1/datasets', { name: 'x', path: join(folder, 'no') })).json<Problem>();
    expect(missing).toMatchObject({ status: 422, code: 'DATASET_INVALID', violations: [{ path: '/path' }] });
    await writeFile(join(folder, 'file'), '');
    expect((await post('/v1/datasets', { name: 'x', path: join(folder, 'file') })).json().detail).toContain(
      'a file at',
    );
    const wrong = (await post('/v1/datasets', { name: '../x', format: 'zip' })).json<Problem>();
    expect(wrong.violations?.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['/name', '/path', '/format']),
    );
    expect(await get('/v1/datasets/nothing')).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('models', () => {
  const { config } = clipPresets['clip-tiny']!;

  /** A safetensors file of zeros with the tensors of the smallest preset. */
  function weightsOf(
    change: (
      header: Record<string, { dtype: string; shape: readonly number[]; data_offsets: number[] }>,
    ) => void = () => {},
  ): Buffer {
    let offset = 0;
    const header = Object.fromEntries(
      clipParameters(config)
        .flatMap(({ parts }) => parts)
        .map(({ name, shape }) => {
          const bytes = 4 * shape.reduce((product, size) => product * size, 1);
          offset += bytes;
          return [name, { dtype: 'F32', shape, data_offsets: [offset - bytes, offset] }];
        }),
    );
    change(header);
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, Buffer.alloc(offset)]);
  }

  async function writeModel(weights = weightsOf()): Promise<void> {
    const tokenizer = ClipTokenizer.train(
      ['a red square', 'a blue circle'],
      config.text_config.vocab_size,
    ).files();
    const files = { 'config.json': JSON.stringify(config), 'model.safetensors': weights, ...tokenizer };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  }

  test('clipPresets are there from the start, with their size', async () => {
    const page = await get('/v1/models');
    expect(violationsOf(ModelPage, page)).toEqual([]);
    const large = page.items.find((model: Model) => model.name === 'clip-vit-large-patch14');
    // https://huggingface.co/openai/clip-vit-large-patch14: 427,616,513 parameters.
    expect(large).toMatchObject({ kind: 'preset', parameters: 427_616_513 });
    expect(await get('/v1/models/clip-tiny/files/config.json')).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a folder in Hugging Face layout is imported, its files come back byte for byte', async () => {
    await writeModel();
    const answer = await post('/v1/models', { name: 'mine', path: folder });
    expect(answer.statusCode).toBe(201);
    const model = answer.json<Model>();
    expect(violationsOf(Model, model)).toEqual([]);
    expect(model).toMatchObject({
      kind: 'imported',
      config,
      parameters: (await get('/v1/models/clip-tiny')).parameters,
    });
    const file = await server.app.inject('/v1/models/mine/files/model.safetensors');
    expect(file.rawPayload.equals(weightsOf())).toBe(true);
    expect(file.headers).toMatchObject({
      'content-length': String(model.weights?.bytes),
      etag: `"${model.weights?.sha256}"`,
    });
    expect(await get('/v1/models/mine/files/nothing.bin')).toMatchObject({ code: 'NOT_FOUND' });
    for (const name of ['mine', 'clip-tiny'])
      expect((await post('/v1/models', { name, path: folder })).json()).toMatchObject({ code: 'NAME_TAKEN' });
  });

  test('of two imports under one name one wins, and the other is told', async () => {
    await writeModel();
    const answers = await Promise.all([1, 2].map(() => post('/v1/models', { name: 'mine', path: folder })));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409]);
  });

  test('every missing file is named', async () => {
    const problem = (await post('/v1/models', { name: 'mine', path: folder })).json<Problem>();
    expect(problem.code).toBe('MODEL_INVALID');
    expect(problem.violations?.map(({ path }) => path)).toEqual(['/config.json', '/model.safetensors']);
    await writeModel();
    for (const path of ['vocab.json', 'merges.txt', 'model.safetensors']) await rm(join(folder, path));
    await writeFile(join(folder, 'pytorch_model.bin'), 'PK');
    const second = (await post('/v1/models', { name: 'mine', path: folder })).json<Problem>();
    expect(second.violations?.map(({ path }) => path)).toEqual([
      '/vocab.json',
      '/merges.txt',
      '/pytorch_model.bin',
    ]);
    expect(second.violations?.at(-1)?.remedy).toContain('save_file(');
  });

  test('weights that do not fit the configuration are told tensor by tensor', async () => {
    await writeModel(
      weightsOf((header) => {
        header['scale'] = header['logit_scale']!;
        delete header['logit_scale'];
        header['text_projection.weight']!.dtype = 'I32';
        header['visual_projection.weight']!.shape = [64, 32];
      }),
    );
    const problem = (await post('/v1/models', { name: 'mine', path: folder })).json<Problem>();
    expect(problem.violations?.map(({ path }) => path).sort()).toEqual([
      '/model.safetensors/logit_scale',
      '/model.safetensors/text_projection.weight',
      '/model.safetensors/visual_projection.weight',
    ]);
  });

  test('one wrong field of the configuration is told once, however many tensors it spoils', async () => {
    await writeModel();
    const text = { ...config.text_config, hidden_size: 512, num_hidden_layers: 12 };
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, text_config: text }));
    const problem = (await post('/v1/models', { name: 'mine', path: folder })).json<Problem>();
    expect(
      problem.violations?.map(({ path, expected, actual }) => `${path}: ${expected}; ${actual}`),
    ).toEqual([
      '/config.json/text_config/num_hidden_layers: 2, as in the weights; 12',
      '/config.json/text_config/hidden_size: 64, as in the weights; 512',
    ]);
  });

  test('tensors that are no parameters are left out with a note', async () => {
    await writeModel(
      weightsOf((header) => {
        const last = header['text_projection.weight']!;
        const end = Math.max(...Object.values(header).map(({ data_offsets: [, at] }) => at!));
        expect(last).toBeDefined();
        header['projector.bias'] = { dtype: 'F32', shape: [0], data_offsets: [end, end] };
      }),
    );
    const model = (await post('/v1/models', { name: 'mine', path: folder })).json<Model>();
    expect(model.description).toContain('left out: projector.bias');
  });

  describe('interpolation', () => {
    const interpolate = (body: object) => post('/v1/models/interpolations', { name: 'between', ...body });

    /** A model whose every weight is `value`. */
    async function importFilled(name: string, value: number): Promise<void> {
      const bytes = weightsOf();
      const start = 8 + Number(bytes.readBigUInt64LE(0));
      for (let at = start; at < bytes.length; at += 4) bytes.writeFloatLE(value, at);
      await writeModel(bytes);
      expect((await post('/v1/models', { name, path: folder })).statusCode).toBe(201);
    }

    test('a model between two others has their weights in proportion, and the files of the trained one', async () => {
      await importFilled('start', 2);
      await importFilled('end', 6);
      const answer = await interpolate({ base: 'start', trained: 'end', alpha: 0.25 });
      expect(answer.statusCode).toBe(201);
      const model = answer.json<Model>();
      expect(violationsOf(Model, model)).toEqual([]);
      expect(model.description).toBe('0.25 of the way from start to end');
      const { rawPayload } = await server.app.inject('/v1/models/between/files/model.safetensors');
      const start = 8 + Number(rawPayload.readBigUInt64LE(0));
      const floats = new Float32Array(new Uint8Array(rawPayload.subarray(start)).buffer);
      expect(new Set(floats)).toEqual(new Set([3]));
      const paths = (one: Model) => one.files?.map(({ path }) => path).toSorted();
      expect(paths(model)).toEqual(paths(await get('/v1/models/end')));
    });

    test('at its ends it has the weights of the two', async () => {
      await importFilled('start', 2);
      await importFilled('end', 6);
      const weightsAt = async (alpha: number, name: string) =>
        (await interpolate({ base: 'start', trained: 'end', alpha, name })).json<Model>().weights?.sha256;
      const [first, last] = [await weightsAt(0, 'first'), await weightsAt(1, 'last')];
      // The same file as of a model with itself.
      const itself = async (one: string) =>
        (await interpolate({ base: one, trained: one, alpha: 0.5, name: `${one}-itself` })).json<Model>()
          .weights?.sha256;
      expect([first, last]).toEqual([await itself('start'), await itself('end')]);
      expect(first).not.toBe(last);
    });

    test('presets, unknown models and other parameters are refused, each with its field', async () => {
      await importFilled('start', 2);
      const named = await interpolate({ base: 'clip-tiny', trained: 'nothing', alpha: 0.5 });
      expect(named.json<Problem>().violations?.map(({ path }) => path)).toEqual(['/base', '/trained']);
      const sigmoid = weightsOf((header) => {
        const end = Math.max(...Object.values(header).map(({ data_offsets: [, at] }) => at!));
        header['logit_bias'] = { dtype: 'F32', shape: [], data_offsets: [end, end + 4] };
      });
      await writeModel(Buffer.concat([sigmoid, Buffer.alloc(4)]));
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, logit_bias_init_value: -10 }));
      expect((await post('/v1/models', { name: 'sigmoid', path: folder })).statusCode).toBe(201);
      const other = await interpolate({ base: 'start', trained: 'sigmoid', alpha: 0.5 });
      expect(other.json<Problem>().violations).toMatchObject([
        {
          path: '/base',
          actual: 'logit_bias missing, not []',
          remedy: expect.stringContaining('interpolation'),
        },
      ]);
      expect((await interpolate({ base: 'start', trained: 'start', alpha: 2 })).statusCode).toBe(422);
    });
  });

  test('what is no regular file is refused before it is read', async () => {
    await writeModel();
    await rm(join(folder, 'model.safetensors'));
    await symlink('/dev/zero', join(folder, 'model.safetensors'));
    await rm(join(folder, 'vocab.json'));
    execFileSync('mkfifo', [join(folder, 'vocab.json')]);
    const problem = (await post('/v1/models', { name: 'mine', path: folder })).json<Problem>();
    expect(problem).toMatchObject({ code: 'MODEL_INVALID', violations: [{ actual: 'a named pipe' }] });
  });

  test('shards come in with their index, and their bytes are counted together', async () => {
    await writeModel();
    const [whole] = [weightsOf()];
    await rm(join(folder, 'model.safetensors'));
    const names = clipParameters(config).flatMap(({ parts }) => parts.map(({ name }) => name));
    const shard = 'model-00001-of-00001.safetensors';
    await writeFile(join(folder, shard), whole);
    const index = JSON.stringify({ weight_map: Object.fromEntries(names.map((name) => [name, shard])) });
    await writeFile(join(folder, 'model.safetensors.index.json'), index);
    const model = (await post('/v1/models', { name: 'mine', path: folder })).json<Model>();
    expect(model.weights?.bytes).toBe(whole.length + index.length);
    expect(model.files?.map(({ path }) => path)).toContain(shard);
  });

  test.each([
    ['cut off', weightsOf().subarray(0, 9000)],
    ['no safetensors at all', Buffer.from('PK\u0003\u0004 this is a zip file')],
    ['empty', Buffer.alloc(0)],
  ])('weights that are %s', async (_, weights) => {
    await writeModel(weights);
    expect((await post('/v1/models', { name: 'mine', path: folder })).json()).toMatchObject({
      code: 'MODEL_INVALID',
    });
    expect(await server.stores.models.find('mine')).toBeUndefined();
  });
});
