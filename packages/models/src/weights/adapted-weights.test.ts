/** Weights with an adapter beside them, against sums written out by hand. */
import { expect, test } from 'vitest';
import { adaptedWeights } from './adapted-weights.ts';
import type { NamedWeight, NamedWeights } from './named-weights.ts';
import { floatsOf } from './stored-tensor.ts';

const tensor = (shape: number[], values: number[]): NamedWeight => ({
  shape,
  dtype: 'F32',
  read: async () => ({ shape, dtype: 'F32', data: Float32Array.from(values) }),
});
/** 1, 2, 3, 4 in half the bytes. */
const halves: NamedWeight = {
  shape: [2, 2],
  dtype: 'BF16',
  read: async () => ({
    shape: [2, 2],
    dtype: 'BF16',
    data: Uint16Array.from([0x3f80, 0x4000, 0x4040, 0x4080]),
  }),
};
const weights = new Map([
  ['q_proj.weight', halves],
  ['k_proj.weight', tensor([1, 2], [5, 6])],
  ['projector.bias', tensor([2], [7, 8])],
]);
const matrices = new Map([
  ['q_proj.lora_A.weight', tensor([4, 2], [1, 0, 0, 1, 2, 0, 0, 3])],
  ['q_proj.lora_B.weight', tensor([2, 4], [1, 0, 0, 0, 0, 1, 1, 1])],
]);
const whole = new Map([['projector.bias', tensor([2], [9, 10])]]);
const options = { rank: 4, alpha: 8, dropout: 0.1, rankStabilised: false };
const read = async (from: NamedWeights, name: string) => [...floatsOf(await from.get(name)!.read())];

test('scale B A is added in float32, and what is replaced is replaced', async () => {
  const { merged, names } = adaptedWeights(weights, { options, matrices, whole });
  // B A = [[1, 0], [2, 4]], scale 8 / 4.
  expect(await read(merged, 'q_proj.weight')).toEqual([3, 2, 7, 12]);
  expect(merged.get('q_proj.weight')).toMatchObject({ shape: [2, 2], dtype: 'F32' });
  expect(await read(merged, 'k_proj.weight')).toEqual([5, 6]);
  expect(await read(merged, 'projector.bias')).toEqual([9, 10]);
  expect([...merged.keys()]).toEqual([...weights.keys()]);
  expect(names).toEqual(['q_proj.lora_A.weight', 'q_proj.lora_B.weight', 'projector.bias']);
});

test('rank-stabilised, the scale is alpha / sqrt(rank)', async () => {
  const stabilised = { ...options, rankStabilised: true };
  const { merged } = adaptedWeights(weights, { options: stabilised, matrices, whole });
  expect(await read(merged, 'q_proj.weight')).toEqual([5, 2, 11, 20]);
});

test('apart, the matrices lie beside weights that are as they were', async () => {
  const { apart } = adaptedWeights(weights, { options, matrices, whole });
  expect(apart.get('q_proj.weight')).toBe(halves);
  expect(apart.get('q_proj.lora_A.weight')).toBe(matrices.get('q_proj.lora_A.weight'));
  expect(await read(apart, 'projector.bias')).toEqual([9, 10]);
});

test('the sum is rounded once', async () => {
  const tiny = 2 ** -25;
  const { merged } = adaptedWeights(new Map([['q_proj.weight', tensor([1, 1], [1])]]), {
    options: { ...options, rank: 3, alpha: 3 },
    // Added to 1 in float32, each is lost; together they are more than half a step.
    matrices: new Map([
      ['q_proj.lora_A.weight', tensor([3, 1], [tiny, tiny, tiny])],
      ['q_proj.lora_B.weight', tensor([1, 3], [1, 1, 1])],
    ]),
    whole: new Map(),
  });
  expect(await read(merged, 'q_proj.weight')).toEqual([Math.fround(1 + 3 * tiny)]);
});
