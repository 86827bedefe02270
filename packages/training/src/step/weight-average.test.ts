import { ParameterLayout, Parameters, selectBackend } from '@triptych/nn';
import { beforeAll, expect, test } from 'vitest';
import { WeightAverage } from './weight-average.ts';

beforeAll(async () => {
  await selectBackend({ backend: 'cpu' });
});

test('every step moves it by a part of the way, in float32', () => {
  const average = new WeightAverage(0.75, Float32Array.of(0, 8, 1));
  average.update(Float32Array.of(4, 0, 1));
  expect([...average.vector]).toEqual([1, 6, 1]);
  average.update(Float32Array.of(4, 0, 1));
  expect([...average.vector]).toEqual([1.75, 4.5, 1]);
});

test('it takes the place of the weights, and gives it back', () => {
  const shape = [2];
  const tensor = { key: 'w', shape, parts: [{ name: 'w', shape }], decay: true };
  using parameters = new Parameters(new ParameterLayout([tensor]), Float32Array.of(1, 2));
  const average = new WeightAverage(0.5, Float32Array.of(3, 4));
  {
    using _ = average.swappedIn(parameters);
    expect([...parameters.tensor('w').dataSync()]).toEqual([3, 4]);
    expect([...parameters.flat]).toEqual([3, 4]);
  }
  expect([...parameters.tensor('w').dataSync()]).toEqual([1, 2]);
  expect([...average.vector]).toEqual([3, 4]);
});
