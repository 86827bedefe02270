/** Weights of every dialect, and what is said where they do not fit. The tensors are small and numbered. */
import { bytesRanges, type OpenFile, safetensorsStream } from '@triptych/nn/safetensors';
import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { clipPresets, llamaParameters, llamaPresets } from '../catalog/index.ts';
import type { ParameterTensor } from '../catalog/parameter-tensor.ts';
import { clip } from '../clip/card.ts';
import type { Dialect } from './dialect.ts';
import { clipDialects, customTextClip, huggingFaceClip, openAiClip } from './dialects/clip.ts';
import { flamingoDialects } from './dialects/flamingo.ts';
import { llamaDialects } from './dialects/llama.ts';
import { inMemoryLlava, llavaDialects } from './dialects/llava.ts';
import { openFolderWeights, type WeightRules } from './folder-weights.ts';
import type { NamedWeight } from './named-weights.ts';
import { translate, writtenIn } from './translate.ts';

const { config } = clipPresets['clip-tiny']!;
const clipRules: WeightRules<typeof config> = clip;

/** Every element another number, so that an exchange of any two shows. */
function numbered(parameters: readonly ParameterTensor[]): Map<string, NamedWeight> {
  let next = 0;
  return new Map(
    parameters
      .flatMap(({ parts }) => parts)
      .map(({ name, shape }) => {
        const length = shape.reduce((product, extent) => product * extent, 1);
        const data = Float32Array.from({ length }, () => next++);
        return [
          name,
          { shape, dtype: 'F32' as const, read: async () => ({ shape, dtype: 'F32' as const, data }) },
        ];
      }),
  );
}

async function folderOf(weights: ReadonlyMap<string, NamedWeight>): Promise<OpenFile> {
  const tensors = [...weights].map(([name, { shape, dtype, read }]) => ({
    name,
    shape,
    dtype,
    read: async () => {
      const { data } = await read();
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
  }));
  const pieces: Uint8Array[] = [];
  for await (const piece of safetensorsStream(tensors)) pieces.push(piece);
  const file = new Uint8Array(Buffer.concat(pieces));
  return async (path) => (path === 'model.safetensors' ? bytesRanges(path, file) : undefined);
}

const weights = numbered(clip.parameters(config));
const open = async (of: ReadonlyMap<string, NamedWeight>, with_ = config) =>
  openFolderWeights(await folderOf(of), { rules: clipRules, config: with_ });
const tensor = (...shape: number[]): NamedWeight => ({
  shape,
  dtype: 'F32',
  read: async () => ({ shape, dtype: 'F32', data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }),
});
const problems = async (opened: Promise<unknown>) => {
  const error = await opened.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TriptychError);
  return (error as TriptychError).violations.map(
    ({ path, expected, actual }) => `${path}: ${expected}; ${actual}`,
  );
};

test.each([huggingFaceClip, openAiClip, customTextClip])(
  'CLIP in the names of $name is read as it was',
  async (dialect) => {
    const opened = await open(writtenIn(dialect, weights));
    expect(opened.dialect).toBe(dialect.name);
    expect(opened.notes).toEqual([]);
    expect([...opened.weights.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [name, { shape, read }] of weights) {
      const weight = opened.weights.get(name)!;
      expect(weight.shape, name).toEqual(shape);
      expect((await weight.read()).data.every((value, i) => value === (again.get(name) ?? [])[i])).toBe(true);
      expect((await read()).data.length).toBe((await weight.read()).data.length);
    }
  },
);
const again = new Map(
  await Promise.all([...weights].map(async ([name, { read }]) => [name, [...(await read()).data]] as const)),
);

test("OpenAI's names are theirs: packed attention, projections the other way round", () => {
  const theirs = writtenIn(openAiClip, weights);
  // https://github.com/openai/CLIP/blob/main/clip/model.py
  expect(theirs.get('visual.transformer.resblocks.1.attn.in_proj_weight')?.shape).toEqual([192, 64]);
  expect(theirs.get('transformer.resblocks.0.attn.in_proj_bias')?.shape).toEqual([192]);
  expect(theirs.get('text_projection')?.shape).toEqual([64, 32]);
  expect(theirs.get('visual.proj')?.shape).toEqual([64, 32]);
  expect(theirs.get('transformer.resblocks.0.mlp.c_fc.weight')?.shape).toEqual([256, 64]);
  expect([...theirs.keys()].filter((name) => name.includes('_model'))).toEqual([]);
});

test('old buffers are passed over in silence, what is no parameter with a note', async () => {
  const more = new Map([
    ...weights,
    ['vision_model.embeddings.position_ids', tensor(1, 17)],
    ['classifier.weight', tensor(2, 32)],
  ]);
  const opened = await open(more);
  expect(opened.notes).toEqual(['left out: classifier.weight, which is no parameter of CLIP']);
  expect(opened.weights.size).toBe(weights.size);
});

test('a wrong width, length or number of layers is one line', async () => {
  const vision = {
    ...config.vision_config,
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
  };
  const wide = { ...config, vision_config: vision };
  expect((await problems(open(weights, wide))).sort()).toEqual([
    '/config.json/vision_config/hidden_size: 64, as in the weights; 768',
    '/config.json/vision_config/intermediate_size: 256, as in the weights; 3072',
    '/config.json/vision_config/num_hidden_layers: 2, as in the weights; 12',
  ]);
  const shallow = { ...config, text_config: { ...config.text_config, num_hidden_layers: 1 } };
  expect(await problems(open(weights, shallow))).toEqual([
    '/config.json/text_config/num_hidden_layers: 2, as in the weights; 1',
  ]);
});

test('single tensors are told by name, many of one part together', async () => {
  const changed = new Map(weights);
  changed.delete('logit_scale');
  changed.set('text_projection.weight', tensor(64, 32));
  changed.set('logit_bias', tensor());
  expect(await problems(open(changed))).toEqual([
    '/model.safetensors/logit_scale: a tensor of shape []; nothing',
    '/model.safetensors/text_projection.weight: shape [32,64]; [64,32]',
    '/model.safetensors/logit_bias: no such tensor; shape []',
  ]);
  const vision = new Map([...weights].filter(([name]) => !name.startsWith('text_model')));
  const told = await problems(open(vision));
  expect(told.length).toBeLessThanOrEqual(5);
  expect(told.join()).toContain('text_model');
});

test('another type than a float is told, whatever the number of tensors', async () => {
  const file = await folderOf(
    new Map(
      [...weights].map(
        ([name, weight]) => [name, { ...weight, dtype: 'I32' as const }] as [string, NamedWeight],
      ),
    ),
  );
  const told = await problems(openFolderWeights(file, { rules: clipRules, config }));
  expect(told.length).toBeLessThanOrEqual(5);
  expect(told.join()).toContain('F32, F16 or BF16; I32');
});

test('weights of another model are told in one line', async () => {
  const other = new Map([['bert.embeddings.word_embeddings.weight', tensor(3, 4)]]);
  expect(await problems(open(other))).toEqual([
    '/model.safetensors: the tensors of a CLIP; 1 others, such as bert.embeddings.word_embeddings.weight',
  ]);
});

test('no weights: a pickle in their place is told with the two lines that convert it', async () => {
  const nothing = openFolderWeights(async () => undefined, {
    rules: clipRules,
    config,
    otherFiles: ['config.json', 'pytorch_model.bin'],
  });
  await expect(nothing).rejects.toThrow(
    /pytorch_model\.bin.*never read; convert it:\nimport torch.*\n.*save_file/s,
  );
});

test('a tied head may be written twice, buffers of rotary positions are passed over', async () => {
  const tied = { ...llamaPresets['llama-tiny']!, tie_word_embeddings: true };
  const rules = { title: 'Llama', parameters: llamaParameters, folder: { dialects: llamaDialects } };
  const file = new Map([
    ...numbered(llamaParameters(tied)),
    ['lm_head.weight', tensor(tied.vocab_size, tied.hidden_size)],
    ['model.layers.0.self_attn.rotary_emb.inv_freq', tensor(8)],
  ]);
  const opened = await openFolderWeights(await folderOf(file), { rules, config: tied });
  expect(opened.weights.has('lm_head.weight')).toBe(false);
  expect(opened.notes).toEqual([]);
  const bare = new Map(
    [...numbered(llamaParameters(tied))].map(([name, one]) => [name.replace('model.', ''), one]),
  );
  expect((await openFolderWeights(await folderOf(bare), { rules, config: tied })).dialect).toBe('LlamaModel');
});

/** From each dialect's own names to canonical ones; models.md section 6 and the files of transformers 5. */
const llava: [string, string][] = [
  ['model.layers.3.mlp.up_proj.weight', 'language_model.model.layers.3.mlp.up_proj.weight'],
  ['lm_head.weight', 'language_model.lm_head.weight'],
  ['model.mm_projector.0.weight', 'multi_modal_projector.linear_1.weight'],
  ['model.mm_projector.2.bias', 'multi_modal_projector.linear_2.bias'],
  [
    'model.vision_tower.vision_tower.vision_model.encoder.layers.1.mlp.fc1.bias',
    'vision_tower.vision_model.encoder.layers.1.mlp.fc1.bias',
  ],
];
const inMemory: [string, string][] = [
  ['model.language_model.layers.3.mlp.up_proj.weight', 'language_model.model.layers.3.mlp.up_proj.weight'],
  ['lm_head.weight', 'language_model.lm_head.weight'],
  ['model.multi_modal_projector.linear_1.weight', 'multi_modal_projector.linear_1.weight'],
  ['model.vision_tower.pre_layrnorm.bias', 'vision_tower.vision_model.pre_layrnorm.bias'],
];
const five: [string, string][] = [
  ['language_model.model.norm.weight', 'language_model.model.norm.weight'],
  ['vision_tower.embeddings.class_embedding', 'vision_tower.vision_model.embeddings.class_embedding'],
];
const openFlamingo: [string, string][] = [
  ['perceiver.layers.0.1.3.weight', 'perceiver.layers.0.1.3.weight'],
  [
    'lang_encoder.model.layers.1.gated_cross_attn_layer.attn_gate',
    'lang_encoder.model.layers.1.gated_cross_attn_layer.attn_gate',
  ],
  [
    'lang_encoder.model.layers.1.decoder_layer.mlp.up_proj.weight',
    'lang_encoder.model.layers.1.mlp.up_proj.weight',
  ],
  ['vision_encoder.ln_pre.weight', 'vision_encoder.vision_model.pre_layrnorm.weight'],
  [
    'vision_encoder.transformer.resblocks.0.mlp.c_fc.bias',
    'vision_encoder.vision_model.encoder.layers.0.mlp.fc1.bias',
  ],
];

test.each<[string, readonly Dialect[], [string, string][]]>([
  ['the original LLaVA', llavaDialects, llava],
  ['LLaVA as transformers has it in memory', llavaDialects, inMemory],
  ['LLaVA of transformers 5', llavaDialects, five],
  ['OpenFlamingo', flamingoDialects, openFlamingo],
  ['CLIPModel', clipDialects, [['logit_scale', 'logit_scale']]],
])('the names of %s', (name, dialects, pairs) => {
  const file = new Map(pairs.map(([theirs]) => [theirs, tensor(2)]));
  const translation = translate(file, { dialects, wanted: new Set(pairs.map(([, ours]) => ours)) });
  expect(translation.dialect.name).toBe(name);
  expect([...translation.weights.keys()]).toEqual(pairs.map(([, ours]) => ours));
  expect(translation.unknown).toEqual([]);
  expect([...writtenIn(translation.dialect, translation.weights).keys()].sort()).toEqual(
    [...file.keys()].sort(),
  );
});

test('an adapter beside the weights belongs to them; what is merged already lies in a folder of its own', async () => {
  const layer = 'text_model.encoder.layers.0.self_attn.q_proj';
  const width = config.text_config.hidden_size;
  const ones = (shape: number[]): NamedWeight => ({
    ...tensor(...shape),
    read: async () => ({ shape, dtype: 'F32', data: new Float32Array(shape[0]! * shape[1]!).fill(1) }),
  });
  const matrices = await folderOf(
    new Map([
      [`base_model.model.${layer}.lora_A.weight`, ones([2, width])],
      [`base_model.model.${layer}.lora_B.weight`, ones([width, 2])],
    ]),
  );
  const stated = JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 6, bias: 'none' });
  const base = await folderOf(weights);
  const within =
    (folder: string): OpenFile =>
    async (path) => {
      if (path === `${folder}adapter_config.json`) return bytesRanges(path, new TextEncoder().encode(stated));
      return path === `${folder}adapter_model.safetensors` ? matrices('model.safetensors') : base(path);
    };
  const rules = { rules: clipRules, config };
  const beside = await openFolderWeights(within(''), rules);
  expect(beside.paths).toEqual(['model.safetensors', 'adapter_config.json', 'adapter_model.safetensors']);
  expect(beside.adapted?.options).toMatchObject({ rank: 2, alpha: 6 });
  const first = async (from: typeof beside) => (await from.weights.get(`${layer}.weight`)!.read()).data[0]!;
  const apart = await openFolderWeights(within('adapter/'), rules);
  expect(apart.paths).toEqual(['model.safetensors']);
  // Two ranks of 1 x 1, three times each.
  expect((await first(beside)) - (await first(apart))).toBe(6);
});

test('two tensors for one parameter are told', async () => {
  const file = new Map([
    ['model.vision_tower.pre_layrnorm.bias', tensor(2)],
    ['model.vision_tower.vision_model.pre_layrnorm.bias', tensor(2)],
  ]);
  const name = 'vision_tower.vision_model.pre_layrnorm.bias';
  expect(translate(file, { dialects: [inMemoryLlava], wanted: new Set([name]) }).clashes).toEqual([
    { name, files: [...file.keys()] },
  ]);
});
