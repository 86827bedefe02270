import { expect, test } from 'vitest';
import { floatToHalf, halfToFloat } from './half-float.ts';

test('every half-precision number comes back as it was', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = halfToFloat(bits);
    if (Number.isNaN(value)) expect(halfToFloat(floatToHalf(value))).toBeNaN();
    // `halfToFloat` gives -0 for the sign bit alone, which has bits of its own.
    else if (floatToHalf(value) !== bits)
      expect.fail(`${bits.toString(16)} became ${floatToHalf(value).toString(16)}`);
  }
});

test('the middle between two numbers goes to the even one, all else to the nearer', () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [halfToFloat(bits), halfToFloat(bits + 1)];
    const middle = (low + high) / 2;
    const even = bits % 2 === 0 ? bits : bits + 1;
    if (floatToHalf(middle) !== even || floatToHalf(-middle) !== (0x8000 | even))
      expect.fail(`middle above ${bits}`);
    if (floatToHalf(middle + (high - middle) / 16) !== bits + 1)
      expect.fail(`above the middle above ${bits}`);
    if (floatToHalf(middle - (middle - low) / 16) !== bits) expect.fail(`below the middle above ${bits}`);
  }
});

test('what is too large becomes infinite', () => {
  expect([65504, 65519.996, 65520, 1e30, -1e30].map(floatToHalf)).toEqual([
    0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00,
  ]);
});
