/** Scaled rotary positions against Hugging Face's, and what of them is refused. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseLlamaConfig } from '../catalog/llama-config.ts';
import { expectTensor } from '../testing/golden.ts';
import { frequenciesOf } from './rotary-frequencies.ts';
import { selfAttention } from './sequences.ts';

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/rope-scaling/case.json', import.meta.url), 'utf8'),
) as {
  readonly cases: readonly {
    readonly config: object;
    readonly frequencies: number[];
    readonly scale: number;
  }[];
};

test.each(cases.map((one) => [JSON.stringify(one.config), one] as const))(
  '%s',
  (_, { config, ...expected }) => {
    const { frequencies, scale } = frequenciesOf(parseLlamaConfig(config));
    // Every operation is rounded to float32 there, the result alone here: a few units in the last place, pair by pair.
    for (const [i, frequency] of expected.frequencies.entries())
      expectTensor(`pair ${i}`, [frequencies[i]!], Float32Array.of(frequency), {
        relative: 5e-7,
        absolute: 0,
      });
    expect(scale).toBeCloseTo(expected.scale, 12);
  },
);

test('a configuration says the same in both dialects, and when it is read again', () => {
  const scaling = {
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  const old = parseLlamaConfig({ rope_theta: 5e5, rope_scaling: { rope_type: 'llama3', ...scaling } });
  const recent = parseLlamaConfig({ rope_parameters: { rope_theta: 5e5, rope_type: 'llama3', ...scaling } });
  expect(old.rope_scaling).toEqual({ rope_type: 'llama3', ...scaling });
  expect(recent).toEqual(old);
  expect(parseLlamaConfig(old)).toEqual(old);
});

test('the original context is the context where nothing else is said', () => {
  const stated = { rope_type: 'yarn', factor: 2 };
  const { rope_scaling } = parseLlamaConfig({ max_position_embeddings: 4096, rope_scaling: stated });
  expect(rope_scaling).toEqual({ ...stated, original_max_position_embeddings: 4096 });
});

test('a scaling that lacks a number or is not known is refused by name', () => {
  expect(() => parseLlamaConfig({ rope_scaling: { type: 'linear' } })).toThrow(/rope_scaling.*factor/);
  expect(() => parseLlamaConfig({ rope_parameters: { rope_type: 'longrope', factor: 2 } })).toThrow(
    /rope_parameters\/rope_type: expected one of default, linear, dynamic, llama3, yarn, got "longrope"/,
  );
  expect(() => parseLlamaConfig({ partial_rotary_factor: 0.5 })).toThrow(/partial_rotary_factor: expected 1/);
});

test('dynamic scaling stays within the trained context', () => {
  const config = parseLlamaConfig({
    max_position_embeddings: 16,
    rope_scaling: { type: 'dynamic', factor: 2 },
  });
  expect(() => selfAttention(config, { batch: 1, length: 16 })).not.toThrow();
  expect(() => selfAttention(config, { batch: 1, length: 17 })).toThrow(
    /17 positions with dynamic rope scaling: expected at most 16/,
  );
});
