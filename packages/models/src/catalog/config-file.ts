/** Reading a Hugging Face `config.json`: the fields that count, and one error that names every problem. */
import { show, TriptychError, type Violation } from '@triptych/protocol';
import { Type } from 'typebox';

/** A dimension or a count; the maximum is far above any real model, and keeps sizes from overflowing. */
export const size = (maximum: number) => Type.Integer({ minimum: 1, maximum });

/** The fields of `source` that the schema knows; null is as good as absent in these files. */
export function pick(properties: object, source: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(properties).filter((name) => source[name] !== undefined && source[name] !== null);
  return Object.fromEntries(names.map((name) => [name, source[name]]));
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Empty where the value is none. */
export const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});

/** Empty where `value` divides `of.value`. */
export function divisorViolations(
  path: string,
  value: number,
  of: { readonly name: string; readonly value: number },
): Violation[] {
  if (of.value % value === 0) return [];
  const expected = `a divisor of ${of.name} ${of.value}`;
  return [{ path, expected, actual: show(value), remedy: 'change one of the two' }];
}

/** One for every token id that the vocabulary does not have. */
export function tokenIdViolations(
  path: string,
  ids: Readonly<Record<string, number | readonly number[] | undefined>>,
  vocabularySize: number,
): Violation[] {
  return Object.entries(ids).flatMap(([name, id]) =>
    [id ?? []]
      .flat()
      .filter((one) => one >= vocabularySize)
      .map((one) => ({
        path: `${path}/${name}`,
        expected: `a token id below vocab_size ${vocabularySize}`,
        actual: show(one),
        remedy: 'correct the id or the vocabulary size',
      })),
  );
}

/** `architecture` as people call it. */
export function invalidConfig(architecture: string, violations: readonly Violation[]): TriptychError {
  const lines = violations.map((v) => `${v.path}: expected ${v.expected}, got ${v.actual}; ${v.remedy}`);
  const message = `config.json is not a ${architecture} model: ${lines.join(' | ')}`;
  return new TriptychError('MODEL_INVALID', message, { violations });
}
