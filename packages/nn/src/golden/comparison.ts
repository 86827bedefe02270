/** How far numbers are from what they should be, and how far they may be. */

/** Allowed: `relative * max|expected| + absolute`, for the whole tensor. Elements near zero carry the rounding of large ones. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

export interface Comparison {
  /** max|actual - expected|; infinite where a number is missing, or is none where one is expected. */
  readonly largestAbsolute: number;
  /** The same, divided by max|expected|; 0 where both are 0. */
  readonly largestRelative: number;
  readonly allowed: number;
  readonly within: boolean;
}

export function compare(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative, absolute }: Tolerance,
): Comparison {
  let difference = actual.length === expected.length ? 0 : Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const [own, other] = [actual[i]!, expected[i]!];
    // Equal infinities differ by nothing, and NaN equals NaN.
    const distance = Object.is(own, other) ? 0 : Math.abs(own - other);
    difference = Math.max(difference, Number.isNaN(distance) ? Infinity : distance);
    if (Number.isFinite(other)) largest = Math.max(largest, Math.abs(other));
  }
  const allowed = relative * largest + absolute;
  return {
    largestAbsolute: difference,
    largestRelative: difference === 0 ? 0 : difference / largest,
    allowed,
    within: difference <= allowed,
  };
}
