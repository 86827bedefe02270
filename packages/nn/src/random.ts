/** Deterministic random streams: the same seed and purpose give the same numbers on every machine. */
import assert from 'node:assert';
import { createHash } from 'node:crypto';

export interface RandomStream {
  /** In [0, 1), 53 bits. */
  uniform(): number;
  /** Mean 0, variance 1. */
  normal(): number;
  /** In 0..n-1, without bias. */
  integer(n: number): number;
}

/** The stream for one purpose, for example `random(seed, 'shuffle', epoch)`. Different purposes are independent. */
export function random(seed: number, ...purpose: (string | number)[]): RandomStream {
  const next = xoshiro128(
    createHash('sha256')
      .update(JSON.stringify([seed, ...purpose]))
      .digest(),
  );
  let spare: number | undefined;
  const uniform = () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    // Marsaglia's polar method: one logarithm, no sine or cosine.
    for (;;) {
      const x = 2 * uniform() - 1;
      const y = 2 * uniform() - 1;
      const square = x * x + y * y;
      if (square > 0 && square < 1) {
        const factor = Math.sqrt((-2 * Math.log(square)) / square);
        spare = y * factor;
        return x * factor;
      }
    }
  };
  const integer = (n: number): number => {
    assert(Number.isInteger(n) && n > 0 && n <= 2 ** 32, `integer(${n}) needs a whole number from 1 to 2^32`);
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const value = next();
      if (value < limit) return value % n;
    }
  };
  return { uniform, normal, integer };
}

/** xoshiro128** 1.1 (https://prng.di.unimi.it/xoshiro128starstar.c): 32 bits a call. */
function xoshiro128(seed: Buffer): () => number {
  let [a, b, c, d] = [0, 4, 8, 12].map((offset) => seed.readUInt32LE(offset)) as [
    number,
    number,
    number,
    number,
  ];
  const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k));
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
}
