/** Whether competitors compute the same: losses must agree, and where generated tokens part is said. */

/** Losses of the first steps agree this well: float32 sums in another order, amplified by three steps of AdamW. */
const LOSS_TOLERANCE = 2e-4;
/**
 * bfloat16 keeps 8 bits, and the first steps of AdamW follow the sign of a gradient, however small: 5e-3 was seen at a
 * batch of 16. A wrong product is off by more than that at once.
 */
const LOSS_TOLERANCE_BF16 = 2e-2;

/** With the first of them. @throws Error naming step, losses and whose they are. */
export function assertSameLosses(all: readonly { name: string; losses: readonly number[] }[]): void {
  const [first, ...others] = all;
  for (const { name, losses } of others)
    losses.forEach((loss, step) => {
      const expected = first!.losses[step]!;
      const tolerance = name.endsWith('bf16') ? LOSS_TOLERANCE_BF16 : LOSS_TOLERANCE;
      if (!(Math.abs(loss - expected) <= tolerance * Math.abs(expected)))
        throw new Error(`step ${step}: the loss of ${name} is ${loss}, that of ${first!.name} ${expected}`);
    });
}

export interface FirstDifference {
  readonly prompt: number;
  /** Of the new tokens. */
  readonly position: number;
  readonly token: number | undefined;
  readonly expected: number | undefined;
}

/** The earliest position at which the tokens after any prompt differ; undefined where all are the same. */
export function firstDifference(
  texts: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
): FirstDifference | undefined {
  const length = Math.max(...[...texts, ...expected].map((tokens) => tokens.length));
  for (let position = 0; position < length; position++)
    for (const [prompt, tokens] of expected.entries()) {
      const token = texts[prompt]?.[position];
      if (token !== tokens[position]) return { prompt, position, token, expected: tokens[position] };
    }
  return undefined;
}
