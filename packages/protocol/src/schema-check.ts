/** The library's answers about schemas, each compiled once. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>();

const validatorOf = (schema: TSchema) => {
  const known = compiled.get(schema);
  if (known) return known;
  const validator = Compile(schema);
  compiled.set(schema, validator);
  return validator;
};

export const isValid = (schema: TSchema, value: unknown): boolean => validatorOf(schema).Check(value);

/** One keyword of a schema that a value does not keep. */
export interface Breach {
  readonly keyword: string;
  readonly params: Record<string, unknown>;
  readonly message: string;
}

/**
 * Of a schema without parts. The library's list grows with the value and ends without a word at its limit, so a
 * schema with parts is never asked whole.
 */
export const breachesOf = (schema: TSchema, value: unknown): Breach[] =>
  isValid(schema, value) ? [] : (validatorOf(schema).Errors(value) as Breach[]);
