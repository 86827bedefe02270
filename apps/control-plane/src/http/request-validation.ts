/**
 * Requests against the schemas of the protocol, every problem at once. A query string has only text, so its values are
 * first read as what their schema wants; a body is taken as it is.
 */
import { inputViolations, invalidInput, type Violation, violationsOf } from '@triptych/protocol';
import type { FastifySchemaCompiler } from 'fastify';
import { type TSchema, Type } from 'typebox';
import type { App } from './app.ts';

interface PropertySchema {
  readonly type?: string;
  readonly default?: unknown;
}

export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const what = httpPart === 'querystring' ? 'query' : (httpPart ?? 'request');
  return (input: unknown) => {
    const value = httpPart === 'querystring' ? fromText(schema, input) : input;
    // A header may have what a field may not.
    const violations = httpPart === 'headers' ? violationsOf(schema, value) : violationsIn(schema, value);
    return violations.length === 0 ? { value } : { error: invalidInput(what, violations) };
  };
};

/** A route that says nothing of a query takes none: `?dryRun=1` must not submit a run. */
export function closeQueries(app: App): void {
  app.addHook('onRoute', ({ url, schema }) => {
    if (schema && url.startsWith('/v1/')) schema.querystring ??= NoQuery;
  });
}

const NoQuery = Type.Object({}, { additionalProperties: false });

/** Of what a user sends: of its schema, and of text wherever the schema leaves the form open. */
export function violationsIn(schema: TSchema, value: unknown): Violation[] {
  const unfit = inputViolations(value);
  const told = new Set(unfit.map(({ path }) => path));
  return [...unfit, ...violationsOf(schema, value).filter(({ path }) => !told.has(path))];
}

/** A problem that only the catalog or the database can tell, in the form of the others. */
export const violation = (path: string, problem: Omit<Violation, 'path'>): Violation => ({
  path,
  ...problem,
});

function fromText(schema: TSchema, input: unknown): unknown {
  const properties = (schema as { properties?: Record<string, PropertySchema> }).properties ?? {};
  const values: Record<string, unknown> = { ...(input as Record<string, unknown>) };
  for (const [name, property] of Object.entries(properties)) {
    const value = values[name];
    if (value === undefined && property.default !== undefined) values[name] = property.default;
    const numeric = property.type === 'integer' || property.type === 'number';
    if (numeric && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) values[name] = Number(value);
  }
  return values;
}
