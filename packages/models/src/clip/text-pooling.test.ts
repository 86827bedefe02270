import { expect, test } from 'vitest';
import { clipPresets } from '../catalog/presets.ts';
import { endPositions } from './text-pooling.ts';

const tower = clipPresets['clip-tiny']!.config.text_config;

test('the first end token is pooled, also where padding repeats it', () => {
  const ids = Int32Array.of(510, 7, 511, 511, 510, 511, 0, 0);
  expect([...endPositions(ids, 2, tower)]).toEqual([2, 1]);
});

test('where the configuration names the wrong end token, the first highest id is pooled', () => {
  // Token 2 is an ordinary word here.
  const ids = Int32Array.of(510, 2, 9, 511, 511);
  expect([...endPositions(ids, 1, { ...tower, eos_token_id: 2 })]).toEqual([3]);
});
