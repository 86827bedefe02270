/** Projectors that Hugging Face does not have, against arithmetic written out. The usual one: llava.test.ts. */
import { random, selectBackend, tf } from '@triptych/nn';
import { beforeAll, expect, test } from 'vitest';
import { expectTensor } from '../testing/golden.ts';
import type { Weights } from '../transformer/weights.ts';
import { type LlavaConfig, parseLlavaConfig, projectorLayers } from './config.ts';
import { llavaParameters } from './parameters.ts';
import { llavaPresets } from './presets.ts';
import { project } from './projector.ts';

beforeAll(() => selectBackend({ backend: 'cpu' }));

const numbers = (name: string, length: number) => {
  const stream = random(1, name);
  return Float32Array.from({ length }, () => stream.normal());
};

// x (1 + erf(x / sqrt 2)) / 2, by Abramowitz and Stegun 7.1.26: within 1.5e-7.
function gelu(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = Math.sign(x) * (1 - series * Math.exp(-z * z));
  return (x * (1 + erf)) / 2;
}

/** Rows of `x` [n, in] through [out, in] and a bias. */
function layer(x: number[][], weight: Float32Array, bias: Float32Array | undefined): number[][] {
  const width = x[0]!.length;
  return x.map((row) =>
    Array.from({ length: weight.length / width }, (_, out) =>
      row.reduce((sum, value, i) => sum + value * weight[out * width + i]!, bias?.[out] ?? 0),
    ),
  );
}

test.each([
  ['identity', true],
  ['linear', true],
  ['linear', false],
  ['mlp3x_gelu', true],
])('%s, biases: %s', (mm_projector_type, multimodal_projector_bias) => {
  const tiny = llavaPresets['llava-tiny']!.config;
  const config: LlavaConfig = parseLlavaConfig({ ...tiny, mm_projector_type, multimodal_projector_bias });
  const shapes = new Map(llavaParameters(config).map(({ key, shape }) => [key, shape]));
  const valuesOf = (key: string) =>
    shapes.has(key)
      ? numbers(
          key,
          shapes.get(key)!.reduce((a, b) => a * b, 1),
        )
      : undefined;
  const features = numbers('features', 2 * 3 * 64);
  let expected = Array.from({ length: 6 }, (_, i) => [...features.subarray(i * 64, (i + 1) * 64)]);
  for (let i = 1; i <= projectorLayers(config); i++) {
    const name = `multi_modal_projector.linear_${i}`;
    if (i > 1) expected = expected.map((row) => row.map(gelu));
    expected = layer(expected, valuesOf(`${name}.weight`)!, valuesOf(`${name}.bias`));
  }
  const before = tf.memory().numTensors;
  const actual = tf.tidy(() => {
    const tensorOf = (key: string): tf.Tensor => tf.tensor(valuesOf(key)!, shapes.get(key) as number[]);
    const weights = tensorOf as Weights;
    return project(tf.tensor3d(features, [2, 3, 64]), { config, weights })
      .dataSync()
      .slice();
  });
  // Sums in float32, and the series for the error function.
  expectTensor('projected', actual, Float32Array.from(expected.flat()), { relative: 2e-6, absolute: 1e-6 });
  expect(tf.memory().numTensors).toBe(before);
});
