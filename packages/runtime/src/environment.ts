/** The environment of a process, read once, checked whole, frozen. Nothing else reads `process.env`. */
import { invalidInput, type Violation, violationsOf } from '@triptych/protocol';
import type { Static, TObject, TSchema } from 'typebox';

/**
 * The variables that the schema names, with the types it gives them. A variable that is unset or empty takes the schema's
 * `default`, or is absent where the schema lets it be. Other variables are not looked at.
 * @throws TriptychError INVALID_INPUT naming every problem; passwords inside URLs are not repeated.
 */
export function readEnvironment<T extends TObject>(
  schema: T,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Static<T>> {
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const value = settingOf(property, env[name]);
    if (value !== undefined) values[name] = value;
  }
  const violations = violationsOf(schema, values);
  if (violations.length > 0) throw invalidInput('environment', violations.map(forOperators));
  return Object.freeze(values) as Readonly<Static<T>>;
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

const forOperators = (violation: Violation): Violation => ({
  ...violation,
  path: violation.path.slice(1),
  actual: violation.actual.replace(/\/\/[^/@"]*@/, '//***@'),
  remedy: violation.actual === 'nothing' ? 'set this environment variable' : violation.remedy,
});
