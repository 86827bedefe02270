import { expect, test } from 'vitest';
import { RunSpec } from './run-spec.ts';
import { parse, violationsOf } from './validate.ts';

const valid = { model: 'clip-tiny', dataset: 'scenes' };

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
  });
  const paths = violations.map((violation) => violation.path);
  for (const path of ['/model', '/seed', '/colour', '/batch/global', '/batch/shards', '/batch/size'])
    expect(paths).toContain(path);
  expect(paths.some((path) => path.startsWith('/objective'))).toBe(true);
  for (const violation of violations)
    for (const text of [violation.expected, violation.actual, violation.remedy]) expect(text).not.toBe('');
});

test('a value that is not an object at all is one clear violation', () => {
  expect(violationsOf(RunSpec, 'hello')).toEqual([
    { path: '', expected: 'a value of type object', actual: '"hello"', remedy: 'send that type' },
  ]);
});
