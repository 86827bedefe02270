/** Reproducible random numbers: a stream is a pure function of a seed and of what it is for. Not for secrets. */

export interface RandomStream {
  /** In [0, 1), 53 bits. */
  uniform(): number;
  /** In 0..count-1. */
  integer(count: number): number;
  /** In [low, high). */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  /** Permutes in place (Fisher-Yates) and returns its argument. */
  shuffle<T extends Int32Array | unknown[]>(items: T): T;
}

/** Streams of different purposes, for example `('shuffle', epoch)`, are independent of each other. */
export function randomStream(seed: number, ...purpose: readonly (string | number)[]): RandomStream {
  const next = xoshiro128(hash([seed, ...purpose].join('\u0000')));
  const uniform = () => (next() * 0x200000 + (next() >>> 11)) / 0x20000000000000;
  const integer = (count: number) => Math.floor(uniform() * count);
  return {
    uniform,
    integer,
    between: (low, high) => low + (high - low) * uniform(),
    pick: <T>(items: readonly T[]) => items[integer(items.length)] as T,
    shuffle: (items) => {
      for (let last = items.length - 1; last > 0; last -= 1) {
        const other = integer(last + 1);
        [items[last], items[other]] = [items[other], items[last]] as [never, never];
      }
      return items;
    },
  };
}

type State = [number, number, number, number];

/** Four 32-bit words of the text: FNV-1a with four offsets, finished with MurmurHash3's avalanche. */
function hash(text: string): State {
  const state: State = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35];
  for (let i = 0; i < text.length; i += 1)
    for (let lane = 0; lane < 4; lane += 1)
      state[lane] = Math.imul((state[lane] as number) ^ text.charCodeAt(i), 0x01000193 + 2 * lane);
  return state.map(avalanche) as State;
}

function avalanche(word: number): number {
  let x = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Blackman and Vigna's xoshiro128**: returns 32-bit unsigned words. */
function xoshiro128([a, b, c, d]: State): () => number {
  // The all-zero state is its only fixed point.
  if ((a | b | c | d) === 0) a = 1;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));
