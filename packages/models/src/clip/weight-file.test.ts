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

test('missing, unexpected and wrongly shaped tensors are all named', () => {
  const tensors = named()
    .filter(({ name }) => name !== 'logit_scale')
    .map((tensor) => (tensor.name === 'text_projection.weight' ? { ...tensor, shape: [64, 32] } : tensor));
  const left = { name: 'adapter.weight', shape: [1], data: Float32Array.of(0) };
  const ignored = { name: 'text_model.embeddings.position_ids', shape: [1], data: Float32Array.of(0) };
  const extra = { name: 'text_model.adapter.weight', shape: [1], data: Float32Array.of(0) };
  const read = () =>
    loadClipWeights(readSafetensors(writeSafetensors([...tensors, left, extra, ignored])), config);
  expect(read).toThrow(TriptychError);
  expect(read).toThrow(
    /3 places: .*logit_scale: expected a tensor of shape \[\], got nothing \| .*text_projection.weight: expected shape \[32,64\], got \[64,32\] \| .*text_model.adapter.weight/,
  );
});
