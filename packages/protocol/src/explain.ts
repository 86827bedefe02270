/**
 * Says in the words of {@link Violation} why a value does not fit its schema: part by part, unknown fields first, and it
 * stops when there is enough to mend. Its cost is that of reading the schema beside the value, however large the value.
 */
import type { TSchema } from 'typebox';
import type { Violation } from './errors.ts';
import { leafViolations, notAllowed, wrongType } from './leaf-violations.ts';
import { breachesOf, isValid } from './schema-check.ts';
import { show } from './show.ts';
import { pathTo } from './text.ts';

/** A user mends these and sees the rest. */
const MOST = 20;

interface Parts {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly TSchema[];
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly patternProperties?: Readonly<Record<string, TSchema>>;
  readonly additionalProperties?: boolean | TSchema;
  readonly required?: readonly string[];
  readonly maxProperties?: number;
  readonly items?: TSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
}

/** Of a value that does not fit; 20 at most. */
export function explain(schema: TSchema, value: unknown): Violation[] {
  const found: Violation[] = [];
  visit(schema, value, { path: '', found });
  return found.slice(0, MOST);
}

interface Place {
  readonly path: string;
  readonly found: Violation[];
}

function visit(schema: TSchema, value: unknown, place: Place): void {
  if (place.found.length >= MOST) return;
  const parts = schema as Parts;
  if (parts.anyOf) visitUnion(parts.anyOf, value, place);
  else if (parts.type === 'object') visitObject(parts, value, place);
  else if (parts.type === 'array') visitArray(parts, value, place);
  else place.found.push(...leafViolations(breachesOf(schema, value), place.path, value));
}

function visitObject(parts: Parts, value: unknown, { path, found }: Place): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    found.push(wrongType('object', path, value));
    return;
  }
  const { properties = {}, required = [], maxProperties = Number.POSITIVE_INFINITY } = parts;
  const fields = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields);
  const unnamed = names.filter((name) => !Object.hasOwn(properties, name));
  const schemaOf = openFor(parts);
  for (const name of unnamed) {
    if (found.length >= MOST) return;
    if (schemaOf(name) === false)
      found.push({
        path: pathTo(path, name),
        expected: expectedName(parts),
        actual: show(fields[name]),
        remedy: `remove ${show(name)} or correct its spelling`,
      });
  }
  for (const name of required)
    if (found.length < MOST && (!Object.hasOwn(fields, name) || fields[name] === undefined))
      found.push({
        path: pathTo(path, name),
        expected: 'a value',
        actual: 'nothing',
        remedy: `add the field "${name}"`,
      });
  if (names.length > maxProperties)
    found.push({
      path,
      expected: `at most ${maxProperties} fields`,
      actual: `${names.length}`,
      remedy: 'send fewer',
    });
  for (const [name, schema] of Object.entries(properties))
    if (Object.hasOwn(fields, name) && fields[name] !== undefined)
      visit(schema, fields[name], { path: pathTo(path, name), found });
  for (const name of unnamed.slice(0, maxProperties)) {
    const schema = schemaOf(name);
    if (typeof schema === 'object') visit(schema, fields[name], { path: pathTo(path, name), found });
  }
}

/** The schema of a field that is not named; whether there may be one, where it has none. */
function openFor({ patternProperties = {}, additionalProperties = true }: Parts) {
  const open = Object.entries(patternProperties).map(
    ([pattern, schema]) => [new RegExp(pattern, 'u'), schema] as const,
  );
  return (name: string): TSchema | boolean =>
    open.find(([pattern]) => pattern.test(name))?.[1] ?? additionalProperties;
}

const expectedName = ({ patternProperties }: Parts): string =>
  patternProperties
    ? `no field whose name does not match ${Object.keys(patternProperties).join(' or ')}`
    : 'no such field';

function visitArray(parts: Parts, value: unknown, { path, found }: Place): void {
  if (!Array.isArray(value)) {
    found.push(wrongType('array', path, value));
    return;
  }
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY, uniqueItems = false } = parts;
  const before = found.length;
  const count = (expected: string, remedy: string) =>
    found.push({ path, expected: `${expected} items`, actual: `${value.length}`, remedy });
  if (value.length < minItems) count(`at least ${minItems}`, 'make it longer');
  if (value.length > maxItems) count(`at most ${maxItems}`, 'make it shorter');
  for (let i = 0; items && i < value.length && i < maxItems && found.length < MOST; i++)
    visit(items, value[i], { path: `${path}/${i}`, found });
  // Only what is sound is compared: anything else may be of any size.
  if (uniqueItems && found.length === before) found.push(...repeated(value, path));
}

function repeated(items: readonly unknown[], path: string): Violation[] {
  const first = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const text = JSON.stringify(item);
    const earlier = first.get(text);
    if (earlier !== undefined)
      return [
        {
          path: `${path}/${i}`,
          expected: 'each item once',
          actual: `${show(item)}, as item ${earlier}`,
          remedy: 'remove one of them',
        },
      ];
    first.set(text, i);
  }
  return [];
}

/** Of several forms, that which the value comes nearest to was meant; the others would contradict it. */
function visitUnion(forms: readonly TSchema[], value: unknown, { path, found }: Place): void {
  if (forms.some((form) => isValid(form, value))) return;
  const allowed = forms.map((form) => literalsOf(form as Parts));
  if (allowed.every((literals) => literals.length > 0)) {
    found.push(notAllowed(allowed.flat(), path, value));
    return;
  }
  const explained = likely(forms, value).map((form) => {
    const inner: Violation[] = [];
    visit(form, value, { path, found: inner });
    return inner;
  });
  const distance = (all: readonly Violation[]) => new Set(all.map((one) => one.path)).size;
  const fewest = Math.min(...explained.map(distance));
  const nearest = explained.filter((all) => distance(all) === fewest);
  if (nearest.length === 1) {
    found.push(...nearest[0]!.slice(0, MOST - found.length));
    return;
  }
  found.push({
    path,
    expected: [...new Set(forms.map((form) => formOf(form as Parts)))].join(', or '),
    actual: show(value),
    remedy: 'send one of these forms',
  });
}

/** Forms that the value's literal fields and its type speak for; all of them where nothing does. */
function likely(forms: readonly TSchema[], value: unknown): readonly TSchema[] {
  const ofType = forms.filter((form) => kindOf(form as Parts) === typeOf(value));
  const named = ofType.filter((form) => {
    const fields = Object.entries((form as Parts).properties ?? {});
    const literal = fields.filter(([, schema]) => literalsOf(schema as Parts).length > 0);
    return (
      literal.length > 0 &&
      literal.some(([name, schema]) => isValid(schema, (value as Record<string, unknown>)[name]))
    );
  });
  return [named, ofType, forms].find(({ length }) => length > 0) ?? forms;
}

const kindOf = ({ type }: Parts) => (type === 'integer' ? 'number' : type);

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
};

const literalsOf = ({ const: literal, enum: allowed }: Parts): readonly unknown[] =>
  allowed ?? (literal === undefined ? [] : [literal]);

function formOf({ type, required = [], ...rest }: Parts): string {
  const literals = literalsOf(rest);
  if (literals.length > 0) return literals.map(show).join(', ');
  if (type === undefined) return 'a value of another form';
  const fields = required.length === 0 ? '' : ` with ${required.map((name) => `"${name}"`).join(', ')}`;
  return `${/^[aeio]/.test(type) ? 'an' : 'a'} ${type}${fields}`;
}
