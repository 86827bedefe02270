import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { tf } from '../../index.ts';
import { startWasm } from './start-wasm.ts';

beforeAll(async () => {
  await startWasm({ threads: 1 });
});

type Nested = number | Nested[];

/** The twin: entries `begin` to `begin + size` along the axis, in nested arrays. */
const cut = (x: Nested, axis: number, begin: number, size: number): Nested =>
  axis === 0
    ? (x as Nested[]).slice(begin, begin + size)
    : (x as Nested[]).map((one) => cut(one, axis - 1, begin, size));

const cuts = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    dtype: fc.constantFrom('float32' as const, 'int32' as const),
    axis: fc.nat(3),
    begin: fc.nat(4),
    size: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ shape, dtype, ...at }) => {
    const axis = at.axis % shape.length;
    const begin = at.begin % shape[axis]!;
    return { shape, dtype, axis, begin, size: Math.min(at.size, shape[axis]! - begin) };
  });

const range = (shape: number[], dtype: 'float32' | 'int32') => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => i + 1),
    shape,
    dtype,
  );
};

it('slices, splits and joins along any axis of any rank, in both types', () => {
  fc.assert(
    fc.property(cuts, ({ shape, dtype, axis, begin, size }) => {
      tf.tidy(() => {
        const x = range(shape, dtype);
        const whole = x.arraySync() as Nested;
        const [from, to] = [shape.map((_, i) => (i === axis ? begin : 0)), shape.with(axis, size)];
        const slice = tf.slice(x, from, to);
        expect(slice.dtype).toBe(dtype);
        expect(slice.arraySync()).toEqual(cut(whole, axis, begin, size));
        const sizes = [begin, size, shape[axis]! - begin - size].filter((length) => length > 0);
        const parts = tf.split(x, sizes, axis);
        let at = 0;
        for (const [i, part] of parts.entries()) {
          expect(part.arraySync()).toEqual(cut(whole, axis, at, sizes[i]!));
          at += sizes[i]!;
        }
        expect(tf.concat(parts, axis).arraySync()).toEqual(whole);
        expect(tf.concat(parts, axis - shape.length).dtype).toBe(dtype);
      });
    }),
  );
});

it('leaves the rest to the stock kernels: several axes, booleans, text', () => {
  tf.tidy(() => {
    const x = range([3, 4, 5], 'float32');
    expect(tf.slice(x, [1, 2, 3], [2, 1, 2]).arraySync()).toEqual([[[34, 35]], [[54, 55]]]);
    const flags = tf.tensor1d([true, false, true], 'bool');
    expect([...tf.slice(flags, 1, 2).dataSync()]).toEqual([0, 1]);
    expect([...tf.concat([flags, flags]).dataSync()]).toEqual([1, 0, 1, 1, 0, 1]);
    expect(tf.slice(tf.tensor1d(['a', 'b']), 1, 1).arraySync()).toEqual(['b']);
  });
});

it('refuses what does not fit', () => {
  const x = tf.ones([2, 3]);
  expect(() => tf.slice(x, [0, 2], [2, 2])).toThrow();
  expect(() => tf.concat([x, tf.ones([2, 4])], 0)).toThrow();
  x.dispose();
});
