import { expect, it } from 'vitest';
import { fromBfloat16, fromFloat16, halfToFloat, random, toBfloat16 } from '../index.ts';

it('rounds to bfloat16 as the bits say, to nearest even, and back exactly', () => {
  const bits = (x: number) => new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const stream = random(1, 'bfloat16');
  // More than one piece, and no multiple of eight.
  const values = Float32Array.from(
    { length: 20_003 },
    () => stream.normal() * 10 ** (stream.integer(60) - 30),
  );
  values.set([0, -0, 1, Infinity, -Infinity, 3.4028234663852886e38, 1e-40, 1.00390625, 1.01171875]);
  const packed = toBfloat16(values);
  const expected = Uint16Array.from(values, (x) => (bits(x) + 0x7fff + ((bits(x) >>> 16) & 1)) >>> 16);
  expect(packed).toStrictEqual(expected);
  // The smallest step below 2^-126 is 2^-133. 1 + 2^-8 lies between 1 and 1 + 2^-7, of which 1 is even; 1 + 3 * 2^-8 goes
  // up to 1 + 2^-6.
  const round = [0, -0, 1, Infinity, -Infinity, Infinity, 2 ** -133, 1, 1 + 2 ** -6];
  expect([...fromBfloat16(packed).subarray(0, round.length)]).toEqual(round);
  expect(toBfloat16(fromBfloat16(packed))).toStrictEqual(packed);
  expect(fromBfloat16(toBfloat16(Float32Array.of(Number.NaN)))[0]).toBeNaN();
});

it('knows every half-precision number there is', () => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
  const floats = fromFloat16(all);
  for (const [bits, value] of floats.entries())
    if (!Object.is(value, halfToFloat(bits)))
      expect.fail(`${bits} became ${value}, not ${halfToFloat(bits)}`);
  // No multiple of eight, and more than one piece.
  expect(fromFloat16(all.subarray(1, 20_004))).toStrictEqual(floats.slice(1, 20_004));
  expect(fromBfloat16(all.subarray(1, 4))).toStrictEqual(fromBfloat16(all).slice(1, 4));
});
