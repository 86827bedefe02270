import { readSafetensors, writeSafetensors } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { clipPresets } from '../catalog/presets.ts';
import { sameBits } from '../testing/golden.ts';
import { initClip } from './initial-weights.ts';
import { clipLayout } from './layout.ts';
import { clipSafetensors, loadClipWeights } from './weight-file.ts';

const { config } = clipPresets['clip-tiny']!;
const flat = initClip(config, 1);
const named = () =>
  [...clipLayout(config).named()].map(({ name, shape, offset, length }) => ({
    name,
    shape,
    data: flat.subarray(offset, offset + length),
  }));

test('written and read again the weights are the same, and so are the bytes', () => {
  const bytes = clipSafetensors(config, flat);
  const again = loadClipWeights(readSafetensors(bytes), config);
  expect(sameBits(again, flat)).toBe(true);
  expect(Buffer.from(clipSafetensors(config, again)).equals(bytes)).toBe(true);
});

test('the names are those of Hugging Face, q, k and v apart', () => {
  const { tensors } = readSafetensors(clipSafetensors(config, flat));
  expect(tensors.get('vision_model.encoder.layers.1.self_attn.k_proj.weight')?.shape).toEqual([64, 64]);
  expect(tensors.get('vision_model.embeddings.patch_embedding.weight')?.shape).toEqual([64, 3, 8, 8]);
  expect(tensors.get('vision_model.pre_layrnorm.bias')?.shape).toEqual([64]);
  expect(tensors.get('logit_scale')?.shape).toEqual([]);
});

test('weights under OpenAI names are the same weights', () => {
  const values = new Map(named().map((tensor) => [tensor.name, tensor]));
  const tower = (ours: string, theirs: string) =>
    [0, 1].flatMap((i) => {
      const layer = `${ours}.encoder.layers.${i}`;
      const block = `${theirs}resblocks.${i}`;
      return ['weight', 'bias'].flatMap((kind) => {
        const qkv = ['q', 'k', 'v'].map((part) => values.get(`${layer}.self_attn.${part}_proj.${kind}`)!);
        const [rows, ...rest] = qkv[0]!.shape as [number];
        const packed = Float32Array.from(qkv.flatMap(({ data }) => [...data]));
        const rename = (from: string, to: string) => ({
          ...values.get(`${layer}.${from}.${kind}`)!,
          name: `${block}.${to}.${kind}`,
        });
        return [
          { name: `${block}.attn.in_proj_${kind}`, shape: [3 * rows, ...rest], data: packed },
          rename('self_attn.out_proj', 'attn.out_proj'),
          rename('mlp.fc1', 'mlp.c_fc'),
          rename('mlp.fc2', 'mlp.c_proj'),
          rename('layer_norm1', 'ln_1'),
          rename('layer_norm2', 'ln_2'),
        ];
      });
    });
  const rename = (from: string, to: string) => ({ ...values.get(from)!, name: to });
  const transpose = (from: string, to: string) => {
    const { shape, data } = values.get(from)!;
    const [rows, columns] = shape as [number, number];
    const turned = new Float32Array(data.length);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c]!;
    return { name: to, shape: [columns, rows], data: turned };
  };
  const norm = (from: string, to: string) =>
    ['weight', 'bias'].map((kind) => rename(`${from}.${kind}`, `${to}.${kind}`));
  const file = writeSafetensors([
    ...tower('vision_model', 'visual.transformer.'),
    ...tower('text_model', 'transformer.'),
    ...norm('vision_model.pre_layrnorm', 'visual.ln_pre'),
    ...norm('vision_model.post_layernorm', 'visual.ln_post'),
    ...norm('text_model.final_layer_norm', 'ln_final'),
    transpose('visual_projection.weight', 'visual.proj'),
    transpose('text_projection.weight', 'text_projection'),
    rename('text_model.embeddings.token_embedding.weight', 'token_embedding.weight'),
    rename('text_model.embeddings.position_embedding.weight', 'positional_embedding'),
    rename('vision_model.embeddings.class_embedding', 'visual.class_embedding'),
    rename('vision_model.embeddings.patch_embedding.weight', 'visual.conv1.weight'),
    rename('vision_model.embeddings.position_embedding.weight', 'visual.positional_embedding'),
    rename('logit_scale', 'logit_scale'),
  ]);
  expect(sameBits(loadClipWeights(readSafetensors(file), config), flat)).toBe(true);
});

test('missing, unexpected and wrongly shaped tensors are all named', () => {
  const tensors = named()
    .filter(({ name }) => name !== 'logit_scale')
    .map((tensor) => (tensor.name === 'text_projection.weight' ? { ...tensor, shape: [64, 32] } : tensor));
  const extra = { name: 'adapter.weight', shape: [1], data: Float32Array.of(0) };
  const ignored = { name: 'text_model.embeddings.position_ids', shape: [1], data: Float32Array.of(0) };
  const read = () => loadClipWeights(readSafetensors(writeSafetensors([...tensors, extra, ignored])), config);
  expect(read).toThrow(TriptychError);
  expect(read).toThrow(
    /3 places: logit_scale: expected a tensor of shape \[\], got nothing \| text_projection.weight: expected shape \[32, 64\], got \[64, 32\] \| adapter.weight/,
  );
});
