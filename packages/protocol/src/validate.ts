/**
 * Checks a value against a schema. Whether it is valid says the library; what is wrong with it, {@link explain}.
 * Nothing is coerced and nothing is dropped: an unknown field is a violation.
 */
import type { Static, TSchema } from 'typebox';
import { TriptychError, type Violation } from './errors.ts';
import { explain } from './explain.ts';
import { isValid } from './schema-check.ts';
import { show } from './show.ts';

/** What is wrong with `value`, unknown fields first, 20 violations at most; empty where, and only where, it is valid. */
export function violationsOf(schema: TSchema, value: unknown): Violation[] {
  try {
    if (isValid(schema, value)) return [];
    const found = explain(schema, value);
    if (found.length > 0) return found;
  } catch (error) {
    // A value that is too deep even to be looked at. Anything else is a mistake in a schema.
    if (!(error instanceof RangeError)) throw error;
  }
  return [unexplained(value)];
}

/** The value with its static type, or a {@link TriptychError} `INVALID_INPUT` that names the violations. */
export function parse<T extends TSchema>(schema: T, value: unknown, what = 'input'): Static<T> {
  const violations = violationsOf(schema, value);
  if (violations.length > 0) throw invalidInput(what, violations);
  return value as Static<T>;
}

export function invalidInput(what: string, violations: readonly Violation[]): TriptychError {
  const lines = violations.map(
    (v) => `${v.path || '(whole)'}: expected ${v.expected}, got ${v.actual}; ${v.remedy}`,
  );
  return new TriptychError('INVALID_INPUT', `The ${what} is not valid: ${lines.join(' | ')}`, { violations });
}

const unexplained = (value: unknown): Violation => ({
  path: '',
  expected: 'a value in the documented form',
  actual: show(value),
  remedy: 'see the documentation at /docs',
});
