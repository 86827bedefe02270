/**
 * Requests that nobody means well with, drawn from a seed for every route of an OpenAPI document: bodies that nearly fit
 * with one hostile value in them, text that is no text, numbers without end, wrong methods, broken JSON.
 */
import type { InjectOptions } from 'fastify';

export type Random = () => number;

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Schema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Ids and names that exist, by the field or parameter that takes them. */
export type Known = Readonly<Record<string, readonly string[]>>;

const long = 'x'.repeat(5000);
// No text names a folder that there is: to read all of it would take long.
const texts = [
  ...[
    '',
    ' ',
    '-',
    '*',
    '%',
    "'; DROP TABLE runs; --",
    '../../etc/passwd',
    '/dev/zero\u0000.jpg',
    'a\u0000b',
  ],
  ...['\u0000', '\ud800', 'a\udc00', '\u0007', '\u007f', '\r\nx: y', '\ufeffa', '\u202e', '😀', 'ﬀ', '٣'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'null', 'undefined', 'true'],
  ...['NaN', 'Infinity', '-1', '-0', '0.1', '1e309', '3000000000', '9007199254740993', '0x10', '1_000'],
  ...['[]', long],
];
const numbers = [
  -1,
  -0,
  0.1,
  -0.5,
  5e-324,
  1e-9,
  1e21,
  1e300,
  -1e300,
  2 ** 31,
  2 ** 32,
  3e9,
  2 ** 53,
  65_537,
  1e7,
  0,
  1,
];
const encoded = [
  ...[
    '.',
    '..',
    '%',
    '%00',
    '%E0%A4%A',
    '%C0%80',
    '%ud800',
    '%2e%2e%2f',
    '%ED%A0%80',
    '%F0%9F%98%80',
    '%0d%0a',
  ],
];
const contentTypes = [
  ...['text/plain', 'application/xml', '', 'application/json; charset=utf-16', 'multipart/form-data', '*/*'],
  ...[
    'application/x-www-form-urlencoded',
    'APPLICATION/JSON',
    'application/json;;',
    'application/vnd.api+json',
  ],
];
const brokenJson = [
  ...['', '{', '[', '"', 'nul', '{"a":}', '{"a":1,}', "{'a':1}", '\ufeff{}', '{}{}', '01', '-', '1e', 'NaN'],
  ...['null', 'true', '1', '"x"', '[]', '{}', '{"model":1e999}', `{"seed":${'9'.repeat(5000)}}`],
  ...['{"model":"\\ud800"}', '{"model":"\\u0000"}', '{"\\u0000":1}', '{"a\\"b":[1,2,{"c":"\\\\"}]}'],
  ...['{"__proto__":{"model":"x"}}', '{"constructor":{"prototype":{"x":1}}}', '{"model":1,"model":{}}'],
  ...['['.repeat(200_000), `{"inputs":${'{"a":'.repeat(60)}1${'}'.repeat(60)}}`, '\u0000', '{"a":"\u0001"}'],
  `{"inputs":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  `{${Array.from({ length: 2000 }, (_, i) => `"unknown${i}":${i}`).join()}}`,
  `[${'1,'.repeat(150_000)}1]`,
];

const oneOf = <T>(values: readonly T[], random: Random): T => values[Math.floor(random() * values.length)]!;

/** Draws one request; the same seed draws the same ones. A route that takes nothing can be asked little. */
export function hostileRequest(document: OpenApi, known: Known, random: Random): InjectOptions {
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
  );
  const { path, method, operation } = oneOf(random() < 0.02 ? routes : routes.filter(takesInput), random);
  const isRight = random() < 0.9;
  const sent = isRight ? method.toUpperCase() : oneOf(['PUT', 'DELETE', 'PATCH', 'POST', 'GET'], random);
  const takesBody = operation.requestBody !== undefined || random() < 0.05;
  return {
    method: sent as 'GET',
    // What is known must be there for the requests that come after.
    url: `${pathOf(path, sent === 'DELETE' ? {} : known, random)}${queryOf(operation, known, random)}`,
    headers: headersOf(takesBody, random),
    ...(takesBody
      ? { payload: bodyOf(operation, { known, random, components: document.components.schemas }) }
      : {}),
  };
}

const takesInput = ({ operation }: { operation: Operation }): boolean =>
  operation.requestBody !== undefined || (operation.parameters ?? []).length > 0;

function pathOf(path: string, known: Known, random: Random): string {
  const segment = (name: string): string => {
    const drawn = random();
    if (drawn < 0.4) return oneOf(known[name] ?? ['a'], random);
    if (drawn < 0.6) return oneOf(encoded, random);
    return encodeText(oneOf(texts, random));
  };
  return path.replace(/\{([^}]+)\}/g, (_, name: string) => segment(name));
}

function queryOf({ parameters = [] }: Operation, known: Known, random: Random): string {
  const names = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
  if (random() < (names.length > 0 ? 0.2 : 0.9)) return '';
  const count = oneOf([1, 2, 3, 40], random);
  const fields = Array.from({ length: count }, () => {
    const name = random() < 0.8 && names.length > 0 ? oneOf(names, random) : encodeText(oneOf(texts, random));
    const drawn = random();
    if (drawn < 0.2) return `${name}=${oneOf(encoded, random)}`;
    if (drawn < 0.3) return `${name}=${oneOf(known[name] ?? ['1'], random)}`;
    return `${name}=${encodeText(oneOf([...texts, ...numbers.map(String)], random))}`;
  });
  return `?${fields.join('&')}`;
}

function headersOf(takesBody: boolean, random: Random): Record<string, string> {
  const some = (share: number, name: string, values: readonly string[]) =>
    random() < share ? { [name]: oneOf(values, random) } : {};
  const wire = ['', ' ', long, 'a', '\u0080', '-1', '3000000000', '99999999999', '1', '{}', 'x,y'];
  return {
    ...(takesBody
      ? { 'content-type': random() < 0.9 ? 'application/json' : oneOf(contentTypes, random) }
      : {}),
    ...some(0.1, 'idempotency-key', wire),
    ...some(0.1, 'last-event-id', wire),
    ...some(0.1, 'accept', ['text/event-stream', 'text/html', '*/*', long, '\u0080']),
    ...some(0.03, 'content-length', ['-1', '1', 'x', '99999999']),
    ...some(0.03, 'content-encoding', ['gzip', 'identity', 'x']),
    ...some(0.03, 'host', ['', 'evil.example', 'localhost:1', '[::1', '\u0080']),
    ...some(0.03, 'origin', ['', 'null', 'https://evil.example', '\u0080']),
  };
}

function bodyOf({ requestBody }: Operation, drawing: Omit<Draw, 'name'>): string {
  const { random } = drawing;
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
  if (!schema || random() < 0.15) return oneOf(brokenJson, random);
  const body = near(schema, { ...drawing, name: '' });
  return JSON.stringify(random() < 0.1 ? body : spoilt(body, random));
}

/** The content of a file with something wrong in it: of JSON one value, of other text one line. */
export function hostileText(content: string, random: Random): string {
  if (random() < 0.1) return oneOf(brokenJson, random);
  if (/^[[{]/.test(content)) return JSON.stringify(spoilt(JSON.parse(content), random));
  const lines = content.split('\n');
  return lines.with(Math.floor(random() * lines.length), oneOf(texts, random)).join('\n');
}

interface Draw {
  readonly components: Readonly<Record<string, Schema>>;
  readonly known: Known;
  readonly random: Random;
  readonly name: string;
}

/** A value that fits, nearly. */
function near(schema: Schema, draw: Draw): unknown {
  const { known, random, name, components } = draw;
  if (schema.$ref) return near(components[schema.$ref.split('/').at(-1)!]!, draw);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return oneOf(schema.enum, random);
  if (schema.anyOf) return near(oneOf(schema.anyOf, random), draw);
  if (schema.type === 'integer' || schema.type === 'number')
    return oneOf(
      [schema.minimum ?? 1, 1, 2, 4, Math.min(schema.maximum ?? 16, 16), schema.maximum ?? 0.5],
      random,
    );
  if (schema.type === 'boolean') return random() < 0.5;
  if (schema.type === 'string') return oneOf(known[name] ?? ['a', 'b-1', 'a {} of it'], random);
  if (schema.type === 'array') {
    const length = (schema.minItems ?? 0) + Math.floor(random() * 3);
    return Array.from({ length }, () => near(schema.items ?? {}, draw));
  }
  const fields = Object.entries(schema.properties ?? {}).filter(
    ([field]) => schema.required?.includes(field) || random() < 0.3,
  );
  return Object.fromEntries(fields.map(([field, inner]) => [field, near(inner, { ...draw, name: field })]));
}

/** One value somewhere in it is replaced, or one is added. */
function spoilt(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.1) return hostileValue(random);
  if (Array.isArray(value)) {
    if (value.length === 0) return [hostileValue(random)];
    return value.with(Math.floor(random() * value.length), spoilt(oneOf(value, random), random));
  }
  const fields = Object.entries(value);
  const [key, inner] =
    fields.length === 0 || random() < 0.15 ? [oneOf(texts, random)] : oneOf(fields, random);
  return Object.fromEntries([
    ...fields,
    [key, inner === undefined ? hostileValue(random) : spoilt(inner, random)],
  ]);
}

function hostileValue(random: Random): unknown {
  const drawn = random();
  if (drawn < 0.5) return oneOf(texts, random);
  if (drawn < 0.8) return oneOf(numbers, random);
  return oneOf(
    [null, true, [], {}, [[]], [null], [''], { '': 1 }, Array.from({ length: 300 }, () => 'a')],
    random,
  );
}

/** As `encodeURIComponent`, also of what is no text. */
const encodeText = (text: string): string => encodeURIComponent(Buffer.from(text).toString());
