/** When generation ends, whatever the way in which tokens are chosen. */
import { invalidInput, show, type Violation } from '@triptych/protocol';

export interface GenerationLimits {
  readonly maxNewTokens: number;
  /** A sequence ends where it would get one of these. */
  readonly stopTokens?: readonly number[];
  readonly signal?: AbortSignal;
}

/** Throws INVALID_INPUT naming everything that cannot be done, `others` included. */
export function checkLimits({ maxNewTokens }: GenerationLimits, others: readonly Violation[]): void {
  const violations = [...countViolations('/maxNewTokens', maxNewTokens), ...others];
  if (violations.length > 0) throw invalidInput('request to generate', violations);
}

export const countViolations = (path: string, value: number): Violation[] =>
  Number.isInteger(value) && value >= 1
    ? []
    : [unfit(path, value, { expected: 'a whole number of at least 1', remedy: 'correct it' })];

export const unfit = (
  path: string,
  value: number,
  { expected, remedy }: { readonly expected: string; readonly remedy: string },
): Violation => ({ path, expected, actual: show(value), remedy });
