/** The environment of a process, read once, checked whole, frozen. Nothing else reads `process.env`. */
import { readFileSync } from 'node:fs';
import { invalidInput, type Violation, violationsOf } from '@triptych/protocol';
import { type Static, type TObject, type TSchema, type TStringOptions, Type } from 'typebox';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * A setting that nobody else may see: `NAME`, or `NAME_FILE`, the path of a file that holds it (a mounted secret; white space
 * around it is left out). Violations do not repeat it.
 */
export const Secret = (options: TStringOptions = {}) =>
  Type.String({ minLength: 1, ...options, secret: true });

const isSecret = (schema: TSchema): boolean => (schema as { secret?: unknown }).secret === true;

/** Every variable that a process with this schema looks at. */
export const variablesOf = (schema: TObject): string[] =>
  Object.entries(schema.properties).flatMap(([name, property]) =>
    isSecret(property) ? [name, `${name}_FILE`] : [name],
  );

/**
 * The variables that the schema names, with the types it gives them. A variable that is unset or empty takes the schema's
 * `default`, or is absent where the schema lets it be. Other variables are not looked at.
 * @throws TriptychError INVALID_INPUT naming every problem; secrets, and passwords inside URLs, are not repeated.
 */
export function readEnvironment<T extends TObject>(schema: T, env: Variables): Readonly<Static<T>> {
  const values: Record<string, unknown> = {};
  const unread: Violation[] = [];
  for (const [name, property] of Object.entries(schema.properties)) {
    const text = isSecret(property) ? secretOf(name, env, unread) : env[name];
    const value = settingOf(property, text);
    if (value !== undefined) values[name] = value;
  }
  const failed = new Set(unread.map(({ path }) => path.replace(/_FILE$/, '')));
  const violations = [
    ...unread,
    ...violationsOf(schema, values)
      .map((violation) => forOperators(violation, schema))
      .filter(({ path }) => !failed.has(path)),
  ];
  if (violations.length > 0) throw invalidInput('environment', violations);
  return Object.freeze(values) as Readonly<Static<T>>;
}

function secretOf(name: string, env: Variables, unread: Violation[]): string | undefined {
  const variable = `${name}_FILE`;
  const path = env[variable];
  if (!path) return env[name];
  const refuse = (expected: string, actual: string, remedy: string): undefined => {
    unread.push({ path: variable, expected, actual, remedy });
  };
  if (env[name]) return refuse(`${variable} or ${name}`, 'both', `unset ${name}`);
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text || refuse('a file that holds the secret', `${path} is empty`, 'write the secret into it');
  } catch (error) {
    const remedy = 'name a file that this user may read';
    return refuse('a file that holds the secret', (error as Error).message, remedy);
  }
}

function settingOf(schema: TSchema, text: string | undefined): unknown {
  if (text === undefined || text === '') return (schema as { default?: unknown }).default;
  const { type } = schema as { type?: unknown };
  // Text that is no number stays text, so that the violation shows what was written.
  if ((type === 'number' || type === 'integer') && isNumeral(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === '1')) return true;
  if (type === 'boolean' && (text === 'false' || text === '0')) return false;
  return text;
}

const isNumeral = (text: string): boolean => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());

function forOperators(violation: Violation, schema: TObject): Violation {
  const path = violation.path.slice(1);
  const property = schema.properties[path];
  const missing = violation.actual === 'nothing';
  const actual = property && isSecret(property) && !missing ? '***' : violation.actual;
  const variable =
    property && isSecret(property)
      ? `this environment variable, or ${path}_FILE`
      : 'this environment variable';
  return {
    ...violation,
    path,
    actual: actual.replace(/\/\/[^/@"]*@/, '//***@'),
    remedy: missing ? `set ${variable}` : violation.remedy,
  };
}
