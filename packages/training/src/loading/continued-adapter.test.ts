/** When a run goes on with the adapter of its base model, and when that is merged first. */
import { adaptedWeights, architectures, type NamedWeight } from '@triptych/models/catalog';
import { expect, test } from 'vitest';
import { partition } from '../catalog/trained-tensors.ts';
import { continuedWeights } from './continued-adapter.ts';

const architecture = architectures['llava']!;
const { config } = architecture.presets['llava-tiny']!;
const options = { rank: 2, alpha: 4, dropout: 0, rankStabilised: false };
const zeros = (shape: readonly number[]): NamedWeight => {
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  return { shape, dtype: 'F32', read: async () => ({ shape, dtype: 'F32', data }) };
};
const parts = architecture.parameters(config).flatMap((tensor) => tensor.parts);
const weights = new Map(parts.map(({ name, shape }) => [name, zeros(shape)]));
const query = 'language_model.model.layers.0.self_attn.q_proj';
const matrices = new Map([
  [`${query}.lora_A.weight`, zeros([2, 64])],
  [`${query}.lora_B.weight`, zeros([64, 2])],
]);
const bias = 'multi_modal_projector.linear_1.bias';
const modelWith = (held = matrices, whole: ReadonlyMap<string, NamedWeight> = new Map()) => ({
  architecture,
  config,
  adapted: adaptedWeights(weights, { options, matrices: held, whole }),
});

test('of the same rank and scale, A and B are among the weights, and the matrix is as it was', async () => {
  const source = continuedWeights(modelWith(), { method: 'lora', adapter: { ...options, dropout: 0.1 } });
  expect(source?.has(`${query}.lora_A.weight`)).toBe(true);
  // A layer that the adapter leaves out gets fresh ones.
  expect(source?.has(`${query.replace('q_proj', 'k_proj')}.lora_A.weight`)).toBe(false);
  const read = await source?.read(`${query}.weight`);
  expect(read?.data).toBe((await weights.get(`${query}.weight`)!.read()).data);
});

test('a projector that the adapter replaces is trained by the method too', () => {
  const model = modelWith(matrices, new Map([[bias, zeros([64])]]));
  expect(continuedWeights(model, { method: 'lora', adapter: options })).toBeDefined();
});

test.each([
  ['another rank', { method: 'lora', adapter: { ...options, rank: 4 } }],
  ['another alpha', { method: 'lora', adapter: { ...options, alpha: 8 } }],
  ['another scale', { method: 'lora', adapter: { ...options, rankStabilised: true } }],
  ['no adapters', { method: 'full' }],
])('a run with %s begins with the merged model', (_, spec) => {
  expect(continuedWeights(modelWith(), spec)).toBeUndefined();
});

test('so does one that would leave a part of the adapter behind', () => {
  const spec = { method: 'lora', adapter: options };
  const tower = 'vision_tower.vision_model.encoder.layers.0.mlp.fc1';
  const inTower = new Map([...matrices].map(([name, one]) => [name.replace(query, tower), one]));
  expect(continuedWeights(modelWith(inTower), spec)).toBeUndefined();
  const norm = 'language_model.model.norm.weight';
  expect(partition({ architecture, config }, spec).trained.map(({ key }) => key)).not.toContain(norm);
  expect(continuedWeights(modelWith(matrices, new Map([[norm, zeros([64])]])), spec)).toBeUndefined();
});

test('a model without one has nothing to go on with', () => {
  expect(continuedWeights({ architecture, config }, { method: 'lora', adapter: options })).toBeUndefined();
});
