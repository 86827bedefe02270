import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import * as protocol from './index.ts';
import { RunSpec } from './run-spec.ts';
import { parse, violationsOf } from './validate.ts';

const valid = { model: 'clip-tiny', dataset: 'scenes' };
const deep = nested(10_000);

test('a valid spec has no violations and comes back as it is', () => {
  expect(violationsOf(RunSpec, valid)).toEqual([]);
  expect(parse(RunSpec, valid)).toBe(valid);
});

test('every problem is reported at once, with field, expectation, actual value and remedy', () => {
  const violations = violationsOf(RunSpec, {
    model: 7,
    seed: -1,
    colour: 'red',
    batch: { global: 1e9, shards: 1.5, size: 8 },
    objective: { kind: 7 },
    unlock: ['vision', 'text', 'vision'],
    towers: { 'the vision': 'clip' },
  });
  expect(violations.map(({ path }) => path)).toEqual([
    '/colour',
    '/model',
    '/towers/the vision',
    '/unlock/2',
    '/seed',
    '/objective/kind',
    '/batch/size',
    '/batch/global',
    '/batch/shards',
  ]);
  for (const violation of violations)
    for (const text of [violation.expected, violation.actual, violation.remedy]) expect(text).not.toBe('');
});

test('a value that is not an object at all is one clear violation', () => {
  expect(violationsOf(RunSpec, 'hello')).toEqual([
    { path: '', expected: 'a value of type object', actual: '"hello"', remedy: 'send that type' },
  ]);
});

describe('never fails open', () => {
  test.each([0, 19, 20, 1000, 5000])('with %i unknown fields', (count) => {
    const unknown = Object.fromEntries(Array.from({ length: count }, (_, i) => [`unknown${i}`, i]));
    const found = violationsOf(RunSpec, { ...valid, ...unknown, priority: 3_000_000 });
    expect(found).toHaveLength(Math.min(count + 1, 20));
    expect(found.slice(0, count).every(({ expected }) => expected === 'no such field')).toBe(true);
  });

  test.each([
    { unknown: deep },
    { seed: deep },
    { towers: { [`a${'/'.repeat(9)}`]: deep } },
    { unlock: [deep, deep] },
    { duration: { steps: deep } },
    { evaluation: { tasks: Array.from({ length: 100_000 }, () => deep) } },
  ])('with values 10,000 deep', (fields) => {
    expect(violationsOf(RunSpec, { ...valid, ...fields })).not.toEqual([]);
  });

  test('for every schema, of values that are nearly right and of values that are nothing of the kind', () => {
    const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1e9);
    const random = randomOf(seed);
    const schemas = Object.entries<unknown>(protocol).filter((one): one is [string, TSchema] =>
      isSchema(one[1]),
    );
    expect(schemas.length).toBeGreaterThan(40);
    for (const [name, schema] of schemas) {
      const validator = Compile(schema);
      for (let i = 0; i < 60; i++) {
        const value = i % 5 === 0 ? anything(random) : spoilt(near(schema, random), random);
        const found = violationsOf(schema, value);
        const isRight = (found.length === 0) === validator.Check(value) && found.length <= 20;
        if (!isRight)
          throw new Error(`${name}, FUZZ_SEED=${seed}: ${protocol.show(value)} ${JSON.stringify(found)}`);
      }
    }
  });
});

describe('of several forms, the one that was meant is explained', () => {
  const at = (fields: object) =>
    violationsOf(RunSpec, { ...valid, ...fields }).map(({ path, expected }) => `${path}: ${expected}`);

  test.each([
    [{ duration: { epochs: 0.1 } }, ['/duration/epochs: a value of type integer and a number >= 1']],
    [{ duration: { steps: 0 } }, ['/duration/steps: a number >= 1']],
    [{ duration: {} }, ['/duration: an object with "steps", or an object with "epochs"']],
    [
      { duration: { steps: 1, epochs: 1 } },
      ['/duration: an object with "steps", or an object with "epochs"'],
    ],
    [{ memory: 'none' }, ['/memory: one of "keep", "checkpoint"']],
    [{ evaluation: { split: 7 } }, ['/evaluation/split: one of "train", "validation", "test"']],
  ])('%j', (fields, expected) => {
    expect(at(fields)).toEqual(expected);
  });

  test('by the field that tells them apart', () => {
    const task = { kind: 'answer', images: [0], question: 7 };
    expect(violationsOf(protocol.PredictionTask, task).map(({ path }) => path)).toEqual(['/question']);
  });
});

test('what is shown of a value is short, however large and deep it is', () => {
  expect(protocol.show(deep).length).toBeLessThanOrEqual(80);
  expect(protocol.show({ a: [1, 'two', null], 'b"': { c: true } })).toBe(
    '{"a":[1,"two",null],"b\\"":{"c":true}}',
  );
  expect(protocol.show('x'.repeat(1e7))).toBe(`"${'x'.repeat(76)}...`);
  expect(protocol.show(Number.NaN)).toBe('NaN');
  expect(protocol.show('\ud800\u0000')).toBe('"\\ud800\\u0000"');
});

test('text that cannot be stored is found wherever it stands', () => {
  const found = protocol.inputViolations({
    fine: 'été\n\t😀',
    a: ['x', 'nul\u0000'],
    b: { 'half\ud800': 1, c: '\udc00' },
    d: nested(64),
  });
  expect(found.map(({ path }) => path)).toEqual(['/a/1', '/b/half\ud800', '/b/c', '/d']);
  expect(protocol.inputViolations(nested(64))).toEqual([]);
  expect(protocol.quotable('\u0000 is é, \ud800 is none')).toBe('\\u0000 is é, \\ud800 is none');
  expect(violationsOf(protocol.Text({ maxLength: 9 }), 'nul\u0000')).toHaveLength(1);
});

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

type Random = () => number;

/** Mulberry32. */
function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const isSchema = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ('type' in value || 'anyOf' in value || 'enum' in value);

const oneOf = <T>(values: readonly T[], random: Random): T => values[Math.floor(random() * values.length)]!;

const anything = (random: Random): unknown =>
  oneOf(
    [
      null,
      true,
      -1,
      0.5,
      1e300,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      '',
      'x',
      'x'.repeat(1e5),
      deep,
      [],
      {},
    ].concat([[deep], Array.from({ length: 2000 }, () => 1), { constructor: 1, toString: deep }] as never[]),
    random,
  );

interface Parts {
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly TSchema[];
  readonly type?: string;
  readonly items?: TSchema;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly patternProperties?: Readonly<Record<string, TSchema>>;
}

/** A value that mostly fits. */
function near(schema: TSchema, random: Random): unknown {
  const parts = schema as Parts;
  if (random() < 0.03) return anything(random);
  if (parts.const !== undefined) return parts.const;
  if (parts.enum) return oneOf(parts.enum, random);
  if (parts.anyOf) return near(oneOf(parts.anyOf, random), random);
  if (parts.type === 'integer' || parts.type === 'number') return oneOf([0, 1, 2, 7, 0.5], random);
  if (parts.type === 'boolean') return random() < 0.5;
  if (parts.type === 'string') return oneOf(['a', '0'.repeat(64), '2030-01-01T00:00:00Z', '{}'], random);
  if (parts.type === 'array')
    return Array.from({ length: Math.floor(random() * 4) }, () => near(parts.items!, random));
  if (parts.type !== 'object') return {};
  const fields = Object.entries(parts.properties ?? {});
  const open = Object.values(parts.patternProperties ?? {});
  return Object.fromEntries([
    ...fields.filter(() => random() < 0.9).map(([name, inner]) => [name, near(inner, random)]),
    ...open.map((inner) => [oneOf(['vision', 'two words', '__proto__'], random), near(inner, random)]),
  ]);
}

/** With unknown fields, sometimes. */
function spoilt(value: unknown, random: Random): unknown {
  if (random() < 0.6 || typeof value !== 'object' || value === null) return value;
  const count = random() < 0.03 ? 5000 : oneOf([1, 19, 20, 30], random);
  return { ...value, ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`u${i}`, i])) };
}
