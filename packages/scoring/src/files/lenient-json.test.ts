import { expect, test } from 'vitest';
import { parseLenient } from './lenient-json.ts';

test.each([
  ['a byte order mark', '\uFEFF[1]', [1]],
  ['CRLF', '[\r\n1\r\n]\r\n', [1]],
  ['NaN and Infinity, as Python writes them', '[{"s": NaN, "t": -Infinity}]', [{ s: null, t: null }]],
  [
    'the same words in texts',
    '["NaN, \\"Infinity\\" 12345678901234567890", NaN]',
    ['NaN, "Infinity" 12345678901234567890', null],
  ],
  ['whole numbers that no float64 holds', '{"id": 12345678901234567890}', { id: '12345678901234567890' }],
  ['and not digits of fractions', '[0.12345678901234567890, 1e22]', [0.12345678901234568, 1e22]],
  ['a value a line', '{"id": 1}\r\n\r\n{"id": 2}\n', [{ id: 1 }, { id: 2 }]],
])('%s', (_, text, value) => {
  expect(parseLenient(text)).toEqual(value);
});

test('what is broken says where', () => {
  expect(() => parseLenient('{"a": 1}\n{"a": 2\n{"a": 3}')).toThrow(/^line 2: /);
  expect(() => parseLenient('[1, 2')).toThrow(SyntaxError);
  expect(() => parseLenient('')).toThrow(SyntaxError);
});
