/** What is wrong with a value that has no parts: the words for each keyword of a schema. */
import type { Violation } from './errors.ts';
import type { Breach } from './schema-check.ts';
import { show } from './show.ts';

export function leafViolations(breaches: readonly Breach[], path: string, value: unknown): Violation[] {
  // Whoever is told which values are allowed need not hear of their type.
  const literal = breaches.find(({ keyword }) => keyword === 'const' || keyword === 'enum');
  if (literal) return [leafViolation(literal, path, value)];
  // One value is mended once: "an integer" and "at least 1" are one demand.
  const all = breaches.map((breach) => leafViolation(breach, path, value));
  if (all.length < 2) return all;
  const remedies = [...new Set(all.map(({ remedy }) => remedy))];
  return [
    {
      ...all[0]!,
      expected: all.map(({ expected }) => expected).join(' and '),
      remedy: remedies.join(' and '),
    },
  ];
}

function leafViolation({ keyword, params, message }: Breach, path: string, value: unknown): Violation {
  const violation = (expected: string, remedy: string): Violation => ({
    path,
    expected,
    actual: show(value),
    remedy,
  });
  switch (keyword) {
    case 'type':
      return wrongType(params['type'], path, value);
    case 'const':
      return notAllowed([params['allowedValue']], path, value);
    case 'enum':
      return notAllowed(params['allowedValues'] as unknown[], path, value);
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
      return violation(`at least ${params['limit']} characters`, 'make it longer');
    case 'maxLength':
      return violation(`at most ${params['limit']} characters`, 'make it shorter');
    case 'pattern':
      return violation(`text that matches ${params['pattern']}`, 'change it to match');
    case 'format':
      return violation(`text in the format ${params['format']}`, 'change it to that format');
    default:
      return violation(message, 'see the documentation at /docs');
  }
}

export const wrongType = (type: unknown, path: string, value: unknown): Violation => ({
  path,
  expected: `a value of type ${[type].flat().join(' or ')}`,
  actual: show(value),
  remedy: 'send that type',
});

export const notAllowed = (allowed: readonly unknown[], path: string, value: unknown): Violation => ({
  path,
  expected: allowed.length === 1 ? show(allowed[0]) : `one of ${allowed.map(show).join(', ')}`,
  actual: show(value),
  remedy: allowed.length === 1 ? `use ${show(allowed[0])}` : 'use one of these',
});
