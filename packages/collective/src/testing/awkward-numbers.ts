/** Seeded test vectors whose float32 sum depends on the order of the additions. */
import type { Range } from '../shard-range.ts';

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values of both signs over eight orders of magnitude, so that every rounding shows. */
export function awkwardVectors(options: { seed: number; count: number; length: number }): Float32Array[] {
  const random = seededRandom(options.seed + 1);
  return Array.from({ length: options.count }, () =>
    Float32Array.from({ length: options.length }, () => (random() - 0.5) * 10 ** (random() * 8 - 4)),
  );
}

/** The bit patterns: distinguishes 0 from -0, which a comparison of numbers does not. */
export function bitsOf(vector: Float32Array): Uint32Array {
  return new Uint32Array(vector.slice().buffer);
}

/** Contiguous ranges of random sizes, some perhaps empty, that cover 0..count-1. */
export function randomPartition(options: { random: () => number; count: number; parts: number }): Range[] {
  const { random, count, parts } = options;
  const cuts = Array.from({ length: parts - 1 }, () => Math.floor(random() * (count + 1))).sort(
    (a, b) => a - b,
  );
  return [0, ...cuts].map((start, index) => ({ start, end: cuts[index] ?? count }));
}
