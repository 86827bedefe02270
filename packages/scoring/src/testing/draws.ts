/** Reproducible numbers for tests: Park and Miller's generator. */
export function draws(seed: number) {
  let state = (seed % 2147483646) + 1;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return {
    uniform,
    integer: (count: number) => Math.floor(uniform() * count),
    pick: <T>(items: readonly T[]): T => items[Math.floor(uniform() * items.length)]!,
    /** Nearly normal: Irwin and Hall's sum of twelve. */
    normal: () => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6),
  };
}
