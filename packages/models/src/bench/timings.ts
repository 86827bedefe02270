/** Seconds that were measured, as figures. */

export interface Timing {
  readonly median: number;
  readonly p90: number;
}

export const timingOf = (seconds: readonly number[]): Timing => ({
  median: quantile(seconds, 0.5),
  p90: quantile(seconds, 0.9),
});

/** The median over the rounds of the ratio of their medians: a machine that slows down slows both sides of a round. */
export function ratioOf(
  rounds: readonly (readonly number[])[],
  reference: readonly (readonly number[])[],
): number {
  const ratios = rounds.map((seconds, i) => quantile(seconds, 0.5) / quantile(reference[i]!, 0.5));
  return quantile(ratios, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
