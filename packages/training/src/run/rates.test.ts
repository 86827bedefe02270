import { architectures, clipPresets } from '@triptych/models/catalog';
import { expect, test } from 'vitest';
import { tinySpec } from '../testing/tiny-run.ts';
import { ratesOf } from './rates.ts';

const { optimizer } = tinySpec({ optimizer: { learningRate: 1e-3, weightDecay: 0.1 } });
const tensors = architectures['clip']!.parameters(clipPresets['clip-tiny']!.config);
const factors = (run: Omit<Parameters<typeof ratesOf>[1], 'optimizer'>) => {
  const rates = ratesOf(tensors, { ...run, optimizer });
  return (key: string) => rates.get(key)!.learningRateFactor;
};

test('layer-wise decay: a factor for every layer above, each tower from its own top', () => {
  const of = factors({ layerDecay: 0.5 });
  // Two blocks: the head has depth 3, the stem 0.
  expect(of('visual_projection.weight')).toBe(1);
  expect(of('vision_model.post_layernorm.weight')).toBe(1);
  expect(of('vision_model.encoder.layers.1.mlp.fc1.weight')).toBe(0.5);
  expect(of('vision_model.encoder.layers.0.mlp.fc1.weight')).toBe(0.25);
  expect(of('vision_model.embeddings.patch_embedding.weight')).toBe(0.125);
  expect(of('text_model.embeddings.token_embedding.weight')).toBe(0.125);
  expect(of('text_projection.weight')).toBe(1);
  expect(of('logit_scale')).toBe(1);
});

test('a group has its own rate and decay, the most specific one counts, and layer-wise decay goes on top', () => {
  const groups = {
    vision: { learningRate: 1e-4, weightDecay: 0 },
    'vision/1': { learningRate: 2e-3 },
  };
  const rates = ratesOf(tensors, { groups, layerDecay: 0.5, optimizer });
  expect(rates.get('vision_model.encoder.layers.0.mlp.fc1.weight')).toEqual({
    learningRateFactor: (1e-4 / 1e-3) * 0.25,
    weightDecay: 0,
  });
  expect(rates.get('vision_model.encoder.layers.1.mlp.fc1.weight')).toEqual({
    learningRateFactor: (2e-3 / 1e-3) * 0.5,
  });
  expect(rates.get('text_model.encoder.layers.1.mlp.fc1.weight')).toEqual({ learningRateFactor: 0.5 });
});

test('a tower whose top is not trained counts from the highest layer that is', () => {
  const unlocked = tensors.filter(({ group }) => group === 'vision/0' || group === 'vision/stem');
  const rates = ratesOf(unlocked, { layerDecay: 0.5, optimizer });
  expect(rates.get('vision_model.encoder.layers.0.mlp.fc1.weight')!.learningRateFactor).toBe(1);
  expect(rates.get('vision_model.embeddings.patch_embedding.weight')!.learningRateFactor).toBe(0.5);
});
