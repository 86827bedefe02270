/** The rules of the reference library, case by case; what it said is in the fixture (tests/peers/safetensors_verdicts.py). */
import { readFileSync } from 'node:fs';
import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { bytesRanges } from './byte-ranges.ts';
import { readSafetensors } from './in-memory.ts';
import { openSafetensors } from './reader.ts';

interface Verdict {
  readonly what: string;
  readonly file: string;
  readonly accepted: boolean;
}

const { cases }: { cases: Verdict[] } = JSON.parse(
  readFileSync(new URL('../fixtures/safetensors-verdicts.json', import.meta.url), 'utf8'),
);

/** Where these rules are stricter than the reference, on purpose: see header.ts. */
const refusedHereAlone = [
  /stands twice/,
  /control character/,
  /is not an object/,
  // Numbers that no file has, such as a shape of 2^63, or a fraction in a field that is not read.
  /a whole number below 2\^53/,
];

test('every file that the reference refuses is refused, and every other one is read, but for the named exceptions', async () => {
  expect(cases.length).toBeGreaterThan(200);
  const differences: string[] = [];
  for (const { what, file, accepted } of cases) {
    const bytes = new Uint8Array(Buffer.from(file, 'base64'));
    const refusal = refusalOf(bytes);
    const stricter = accepted && refusal && refusedHereAlone.some((rule) => rule.test(refusal));
    if ((refusal === undefined) !== accepted && !stricter)
      differences.push(
        `${what}: reference ${accepted ? 'accepts' : 'refuses'}, here ${refusal ?? 'accepted'}`,
      );
    // The two ways of reading are one.
    const opened = await openSafetensors(bytesRanges('The file', bytes)).then(
      () => undefined,
      (error: TriptychError) => error.message,
    );
    expect(opened, what).toBe(refusal);
  }
  expect(differences).toEqual([]);
});

function refusalOf(bytes: Uint8Array): string | undefined {
  try {
    readSafetensors(bytes);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(TriptychError);
    expect((error as TriptychError).code).toBe('MODEL_INVALID');
    return (error as TriptychError).message;
  }
}

test.each([
  ['ZIP', 'is a ZIP archive'],
  ['pickle', 'is a Python pickle'],
  ['hole between', 'a hole lies before it'],
  ['the same bytes twice', 'inside another tensor'],
  ['bytes after the end', '1 bytes follow the last tensor'],
  ['two names alike', '"x" stands twice'],
  ['escaped NUL', 'control character'],
  ['lone surrogate', 'lone surrogates'],
  ['no offsets', '"x" has no valid data_offsets: nothing'],
])('%s: the message says what is wrong', (what, message) => {
  const { file } = cases.find((one) => one.what === what)!;
  expect(refusalOf(new Uint8Array(Buffer.from(file, 'base64')))).toContain(message);
});

test('a pickle is refused with the Python that converts it', () => {
  const { file } = cases.find(({ what }) => what === 'pickle')!;
  expect(refusalOf(new Uint8Array(Buffer.from(file, 'base64')))).toMatch(/torch\.load\(.*\n?.*save_file\(/);
});
