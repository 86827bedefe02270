/**
 * Checks a value against a schema and reports every violation at once, in the words of {@link Violation}.
 * Nothing is coerced and nothing is dropped: an unknown field is a violation.
 */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import { TriptychError, type Violation } from './errors.ts';

// The library stops at 8 by default; a user wants all of them in one answer.
Settings.Set({ maxErrors: 1000 });

const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>();

const validatorOf = (schema: TSchema) => {
  const known = compiled.get(schema);
  if (known) return known;
  const validator = Compile(schema);
  compiled.set(schema, validator);
  return validator;
};

/** All violations of `value`, at most one for each path and keyword; empty where the value is valid. */
export function violationsOf(schema: TSchema, value: unknown): Violation[] {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return [];
  const violations = validator.Errors(value).flatMap((error) => describe(error as SchemaError, value));
  // A union reports every branch that did not match; where a deeper path is reported, the branch's own line is noise.
  const unique = new Map(
    violations.map((violation) => [`${violation.path} ${violation.expected}`, violation]),
  );
  const all = [...unique.values()];
  return all.filter(
    (violation) =>
      violation.expected !== ANY_OF || !all.some((other) => other.path.startsWith(`${violation.path}/`)),
  );
}

/** The value with its static type, or a {@link TriptychError} `INVALID_INPUT` that names every violation. */
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

/** A short rendering of any JSON value for error messages. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Record<string, unknown>;
  readonly message: string;
}

const ANY_OF = 'one of the documented forms';

function describe(error: SchemaError, root: unknown): Violation[] {
  const path = error.instancePath;
  const actual = show(at(root, path));
  const { params } = error;
  const violation = (expected: string, remedy: string): Violation[] => [{ path, expected, actual, remedy }];
  switch (error.keyword) {
    case 'required':
      return (params['requiredProperties'] as string[]).map((name) => ({
        path: `${path}/${name}`,
        expected: 'a value',
        actual: 'nothing',
        remedy: `add the field "${name}"`,
      }));
    case 'additionalProperties':
      return (params['additionalProperties'] as string[]).map((name) => ({
        path: `${path}/${name}`,
        expected: 'no such field',
        actual: show(at(root, `${path}/${name}`)),
        remedy: `remove "${name}" or correct its spelling`,
      }));
    case 'type':
      return violation(`a value of type ${[params['type']].flat().join(' or ')}`, 'send that type');
    case 'const':
      return violation(show(params['allowedValue']), `use ${show(params['allowedValue'])}`);
    case 'enum':
      return violation(
        `one of ${(params['allowedValues'] as unknown[]).map(show).join(', ')}`,
        'use one of these',
      );
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return violation(
        `a number ${params['comparison']} ${params['limit']}`,
        'choose a number in that range',
      );
    case 'multipleOf':
      return violation(`a multiple of ${params['multipleOf']}`, 'round it');
    case 'minLength':
    case 'minItems':
      return violation(
        `at least ${params['limit']} ${error.keyword === 'minLength' ? 'characters' : 'items'}`,
        'make it longer',
      );
    case 'maxLength':
    case 'maxItems':
      return violation(
        `at most ${params['limit']} ${error.keyword === 'maxLength' ? 'characters' : 'items'}`,
        'make it shorter',
      );
    case 'pattern':
      return violation(`text that matches ${params['pattern']}`, 'change it to match');
    case 'format':
      return violation(`text in the format ${params['format']}`, 'change it to that format');
    case 'anyOf':
      return violation(ANY_OF, 'see the documentation at /docs');
    case 'boolean':
    case 'not':
    case 'if':
      return [];
    default:
      return violation(error.message, 'see the documentation at /docs');
  }
}

function at(root: unknown, pointer: string): unknown {
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = (value as Record<string, unknown> | undefined)?.[key];
  }
  return value;
}
