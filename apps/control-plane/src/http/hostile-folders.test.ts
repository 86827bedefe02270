/** Folders that somebody else wrote: whatever stands in their files, the answer says what is wrong with them. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClipTokenizer, writeScenes } from '@triptych/datasets';
import { clipParameters, clipPresets } from '@triptych/models/catalog';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { hostileText, randomOf } from '../testing/hostile-requests.ts';
import { registered, startTestServer, type TestServer } from '../testing/server.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1e9);
/** For each file. */
const rounds = Number(process.env['FUZZ_REQUESTS'] ?? 20_000) / 5000;
const random = randomOf(seed);

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-'));
  return () => rm(folder, { recursive: true });
});

let count = 0;
async function assertAnswered(url: string, file: string, content: string, more = {}): Promise<string> {
  await writeFile(join(folder, file), content);
  const payload = { name: `n${count++}`, path: folder, ...more };
  const answer = await server.app.inject({ method: 'POST', url, payload });
  const failed = server.log.filter(({ event }) => event === 'request-failed').at(-1);
  const context = `FUZZ_SEED=${seed} ${file}: ${content.slice(0, 500)} ${JSON.stringify(failed)}`;
  expect(answer.statusCode, context).toBeLessThan(500);
  if (answer.statusCode === 202) {
    const { state, failure } = await registered(server, payload.name);
    expect([state, failure?.code], context).not.toEqual(['INVALID', 'INTERNAL']);
  }
  return answer.body;
}

test(`models (FUZZ_SEED=${seed})`, async () => {
  const { config } = clipPresets['clip-tiny']!;
  const tokenizer = ClipTokenizer.train(['a red square'], config.text_config.vocab_size).files();
  const names = clipParameters(config).flatMap(({ parts }) => parts.map(({ name }) => name));
  const files: Record<string, string> = {
    'config.json': JSON.stringify(config),
    ...tokenizer,
    'preprocessor_config.json': JSON.stringify({
      image_processor_type: 'CLIPImageProcessor',
      size: 32,
      crop_size: 32,
    }),
    'model.safetensors.index.json': JSON.stringify({
      weight_map: Object.fromEntries(names.map((name) => [name, 'model-00001-of-00001.safetensors'])),
    }),
  };
  const tensors = clipParameters(config).flatMap(({ parts }) => parts);
  await writeFile(join(folder, 'model-00001-of-00001.safetensors'), zeros(tensors));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const sound = await assertAnswered('/v1/models', 'config.json', files['config.json']!);
  expect(sound).toContain('"kind":"imported"');
  for (const [name, content] of Object.entries(files)) {
    for (let i = 0; i < rounds; i++) await assertAnswered('/v1/models', name, hostileText(content, random));
    await writeFile(join(folder, name), content);
  }
});

const read = (file: string) => readFile(join(folder, file), 'utf8');

test(`datasets (FUZZ_SEED=${seed})`, async () => {
  await rm(folder, { recursive: true });
  await writeScenes({ path: folder, images: 20, seed: 1 });
  for (const format of ['coco-captions', 'scenes', 'scenes-questions', 'scenes-conversations'])
    await assertAnswered('/v1/datasets', 'scenes.json', await read('scenes.json'), { format });
  expect((await server.stores.datasets.list({})).items).toHaveLength(4);
  const places = { annotations: 'scenes', vqa: 'scenes-questions', llava: 'scenes-conversations' };
  for (const [place, format] of Object.entries(places))
    for (const name of await readdir(join(folder, place))) {
      const file = `${place}/${name}`;
      const content = await read(file);
      for (let i = 0; i < rounds; i++)
        await assertAnswered('/v1/datasets', file, hostileText(content, random), { format });
      await writeFile(join(folder, file), content);
    }
});

function zeros(tensors: readonly { name: string; shape: readonly number[] }[]): Uint8Array {
  let offset = 0;
  const header = Object.fromEntries(
    tensors.map(({ name, shape }) => {
      const bytes = 4 * shape.reduce((product, size) => product * size, 1);
      offset += bytes;
      return [name, { dtype: 'F32', shape, data_offsets: [offset - bytes, offset] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(offset)]);
}
