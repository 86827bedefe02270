/** `triptych parity` from the argument list to exit code and text; what computes runs in its own process, from the built files. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runProgram } from './program.ts';

const good = fileURLToPath(new URL('../../../packages/scoring/src/captions/fixtures', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'triptych-parity-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function parity(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram({
    args: ['parity', ...args],
    url: 'http://127.0.0.1:1',
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}

test('a case within its tolerance: 0, with the error of every result', async () => {
  const { code, out } = await parity(good, '--backend', 'cpu');
  expect(out).toMatch(/CIDEr-D of each image .* ok/);
  expect(out).toMatch(/fixtures +12 results .* within tolerance/);
  expect(code).toBe(0);
});

test('among several cases, one with a wrong number: 1, and its name', async () => {
  for (const name of ['right', 'wrong']) cpSync(good, join(folder, 'cases', name), { recursive: true });
  const path = join(folder, 'cases/wrong/expected.json');
  const expected = JSON.parse(readFileSync(path, 'utf8'));
  expected.perImage['ROUGE-L'][7] += 1e-6;
  writeFileSync(path, JSON.stringify(expected));
  const { code, out } = await parity(join(folder, 'cases'), '--backend', 'cpu', '--json');
  expect(code).toBe(1);
  const { cases } = JSON.parse(out) as {
    cases: { case: string; within: boolean; checks: { name: string; within: boolean }[] }[];
  };
  expect(cases.map((one) => [one.case, one.within])).toEqual([
    ['right', true],
    ['wrong', false],
  ]);
  expect(cases[1]!.checks.filter(({ within }) => !within).map(({ name }) => name)).toEqual([
    'ROUGE-L of each image',
  ]);
});

test('a folder that is no case, or of no known kind: 2', async () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  expect(await parity(empty)).toMatchObject({ code: 2, err: expect.stringContaining('is no golden case') });
  writeFileSync(join(empty, 'case.json'), '{}');
  expect((await parity(empty)).code).toBe(2);
  expect((await parity(good, '--backend', 'abacus')).code).toBe(2);
});
