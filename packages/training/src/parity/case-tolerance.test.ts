import { expect, test } from 'vitest';
import { namedTolerance, statedTolerance } from './case-tolerance.ts';

test('one number for all, or one for each stage, or a text that begins with one', () => {
  expect(statedTolerance({ tolerance: { rtol: 1e-5, atol: 1e-7 } }, 'forward')).toEqual({
    relative: 1e-5,
    absolute: 1e-7,
  });
  const staged = { rtol: { forward: 1e-5, grad: 1e-4 }, atol: { grad: '2e-5 (an Adam step divides)' } };
  expect(statedTolerance({ tolerance: staged }, 'after3', 'grad')).toEqual({
    relative: 1e-4,
    absolute: 2e-5,
  });
  expect(statedTolerance({ tolerance: staged }, 'forward')).toEqual({ relative: 1e-5, absolute: 0 });
});

test('a case that states nothing gets what float32 needs', () => {
  expect(statedTolerance({}, 'forward')).toEqual({ relative: 1e-5, absolute: 1e-6 });
});

test('tolerances that stand under a name', () => {
  const tolerance = {
    loss: 'absolute 1e-3',
    grad_norm: 'relative 1e-2',
    bytes: 'atol 1e-6 (one level)',
    count: 2,
  };
  expect(namedTolerance({ tolerance }, 'loss')).toEqual({ relative: 0, absolute: 1e-3 });
  expect(namedTolerance({ tolerance }, 'grad_norm')).toEqual({ relative: 1e-2, absolute: 0 });
  expect(namedTolerance({ tolerance }, 'bytes')).toEqual({ relative: 0, absolute: 1e-6 });
  expect(namedTolerance({ tolerance }, 'count')).toEqual({ relative: 0, absolute: 2 });
  expect(namedTolerance({ tolerance: { ids: 'exact' } }, 'ids')).toBeUndefined();
});
