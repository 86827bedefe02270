/** Adapters as PEFT 0.21 wrote them (fixtures/lora), and what is refused of them by name. */
import { readFileSync } from 'node:fs';
import { bytesRanges, type OpenFile, safetensorsStream } from '@triptych/nn/safetensors';
import type { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { llamaParameters, parseLlamaConfig } from '../catalog/index.ts';
import { llamaDialects } from './dialects/llama.ts';
import { llavaDialects } from './dialects/llava.ts';
import { openPeftAdapter } from './peft-adapter.ts';
import { parsePeftConfig } from './peft-config.ts';

const fixture = (path: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/${path}`, import.meta.url)));
const folder: OpenFile = async (path) => bytesRanges(path, fixture(`lora/${path}`));
const text = new TextDecoder().decode(fixture('lora/adapter_config.json'));
const config = JSON.parse(text) as Record<string, unknown>;
const llama = parseLlamaConfig(JSON.parse(new TextDecoder().decode(fixture('llama/config.json'))));
const parameters = llamaParameters(llama).flatMap(({ parts }) => parts);
const model = { dialects: llamaDialects, parameters };

const refusal = async (opened: Promise<unknown>) =>
  opened.then(
    () => [],
    (error: TriptychError) => error.violations.map(({ path }) => path),
  );

test('every matrix is read under the name of the weight beside which it lies', async () => {
  const { options, matrices, whole } = await openPeftAdapter(folder, model);
  expect(options).toEqual({ rank: 4, alpha: 8, dropout: 0, rankStabilised: false });
  expect(matrices.size).toBe(28);
  expect(whole.size).toBe(0);
  expect(matrices.get('model.layers.1.mlp.down_proj.lora_A.weight')?.shape).toEqual([4, 172]);
  expect((await matrices.get('model.layers.1.self_attn.k_proj.lora_B.weight')!.read()).shape).toEqual([
    32, 4,
  ]);
});

test('names in memory of LLaVA lead to those of its files, and a projector comes as a whole', async () => {
  const tensor = (name: string, shape: number[]) => ({
    name: `base_model.model.${name}`,
    shape,
    dtype: 'BF16' as const,
    read: async () => new Uint8Array(2 * shape.reduce((a, b) => a * b, 1)),
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of safetensorsStream([
    tensor('model.language_model.layers.0.self_attn.q_proj.lora_A.weight', [4, 6]),
    tensor('model.language_model.layers.0.self_attn.q_proj.lora_B.weight', [5, 4]),
    tensor('model.multi_modal_projector.linear_1.bias', [6]),
  ]))
    pieces.push(piece);
  const files: Record<string, Uint8Array> = {
    'adapter_config.json': new TextEncoder().encode(
      JSON.stringify({ ...config, modules_to_save: ['multi_modal_projector'] }),
    ),
    'adapter_model.safetensors': new Uint8Array(Buffer.concat(pieces)),
  };
  const { matrices, whole } = await openPeftAdapter(
    async (path) => files[path] && bytesRanges(path, files[path]),
    {
      dialects: llavaDialects,
      parameters: [
        { name: 'language_model.model.layers.0.self_attn.q_proj.weight', shape: [5, 6] },
        { name: 'multi_modal_projector.linear_1.bias', shape: [6] },
      ],
    },
  );
  const path = 'language_model.model.layers.0.self_attn.q_proj';
  expect([...matrices.keys()].sort()).toEqual([`${path}.lora_A.weight`, `${path}.lora_B.weight`]);
  expect([...whole.keys()]).toEqual(['multi_modal_projector.linear_1.bias']);
});

test.each<[string, unknown]>([
  ['use_dora', true],
  ['bias', 'all'],
  ['lora_bias', true],
  ['fan_in_fan_out', true],
  ['rank_pattern', { q_proj: 8 }],
  ['alpha_pattern', { q_proj: 8 }],
  ['peft_type', 'IA3'],
  ['r', 0],
  ['init_lora_weights', 'pissa'],
  ['layer_replication', [[0, 1]]],
  ['trainable_token_indices', [1]],
])('%s %j is refused by its name', (field, value) => {
  expect(() => parsePeftConfig(JSON.stringify({ ...config, [field]: value }))).toThrow(
    expect.objectContaining({
      code: 'MODEL_INVALID',
      violations: [expect.objectContaining({ path: `/adapter_config.json/${field}` })],
    }),
  );
});

test('rsLoRA is obeyed', () => {
  expect(parsePeftConfig(JSON.stringify({ ...config, use_rslora: true }))).toMatchObject({
    rankStabilised: true,
  });
});

test('an adapter of another model, a lost half and a lost file are told', async () => {
  const other = parameters.filter(({ name }) => !name.includes('layers.1'));
  const paths = await refusal(openPeftAdapter(folder, { ...model, parameters: other }));
  expect(paths.length).toBeLessThanOrEqual(5);
  expect(paths.join()).toContain('base_model.model.model.layers');
  const rank = await refusal(
    openPeftAdapter(
      async (path) =>
        path === 'adapter_config.json'
          ? bytesRanges(path, new TextEncoder().encode(JSON.stringify({ ...config, r: 8 })))
          : folder(path),
      model,
    ),
  );
  expect(rank.length).toBeGreaterThan(0);
  expect(await refusal(openPeftAdapter(async () => undefined, model))).toEqual([
    '/adapter_config.json',
    '/adapter_model.safetensors',
  ]);
});

test('what is no linear layer, and numbers of a type that cannot be read, are told', async () => {
  const wide = parameters.map((one) =>
    one.name.endsWith('0.self_attn.q_proj.weight') ? { ...one, shape: [...one.shape, 3, 3] } : one,
  );
  const [first] = await refusal(openPeftAdapter(folder, { ...model, parameters: wide }));
  expect(first).toContain('q_proj.lora_A');
  const integers: Uint8Array[] = [];
  const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
  for await (const piece of safetensorsStream([
    { name, shape: [4, 64], dtype: 'I32', read: async () => new Uint8Array(4 * 4 * 64) },
  ]))
    integers.push(piece);
  const opened = openPeftAdapter(
    async (path) =>
      path.endsWith('.json') ? folder(path) : bytesRanges(path, new Uint8Array(Buffer.concat(integers))),
    model,
  );
  await expect(opened).rejects.toThrow('expected F32, F16 or BF16, got I32');
});

test('a pickled adapter is not read, and converting it is explained', async () => {
  const pickled: OpenFile = async (path) =>
    path === 'adapter_model.bin'
      ? bytesRanges(path, new Uint8Array(9))
      : path === 'adapter_config.json'
        ? folder(path)
        : undefined;
  const error = await openPeftAdapter(pickled, model).catch((reason: TriptychError) => reason);
  expect((error as TriptychError).violations).toMatchObject([
    {
      path: '/adapter_model.bin',
      actual: expect.stringContaining('pickle'),
      remedy: expect.stringMatching(/save_file\(.*"adapter_model.safetensors"/s),
    },
  ]);
});
