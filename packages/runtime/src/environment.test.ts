import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Backend, TriptychError } from '@triptych/protocol';
import { Type } from 'typebox';
import { afterAll, expect, it } from 'vitest';
import { readEnvironment, Secret, variablesOf } from './environment.ts';

const schema = Type.Object({
  DATABASE_URL: Type.String({ pattern: '^postgres(ql)?://' }),
  TRIPTYCH_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  TRIPTYCH_RATE: Type.Optional(Type.Number()),
  TRIPTYCH_DEBUG: Type.Boolean({ default: false }),
  TRIPTYCH_BACKEND: Type.Union([Backend, Type.Literal('auto')], { default: 'auto' }),
});

it('gives each variable its type, and its default where it is unset or empty', () => {
  const config = readEnvironment(schema, {
    DATABASE_URL: 'postgres://localhost/triptych',
    TRIPTYCH_PORT: '0',
    TRIPTYCH_RATE: '1.5e-3',
    TRIPTYCH_DEBUG: '',
    TRIPTYCH_BACKEND: 'wasm',
    PATH: '/usr/bin',
  });
  expect(config).toEqual({
    DATABASE_URL: 'postgres://localhost/triptych',
    TRIPTYCH_PORT: 0,
    TRIPTYCH_RATE: 0.0015,
    TRIPTYCH_DEBUG: false,
    TRIPTYCH_BACKEND: 'wasm',
  });
  expect(Object.isFrozen(config)).toBe(true);
  expect(readEnvironment(schema, { DATABASE_URL: 'postgresql://db/x' })).toEqual({
    DATABASE_URL: 'postgresql://db/x',
    TRIPTYCH_PORT: 8080,
    TRIPTYCH_DEBUG: false,
    TRIPTYCH_BACKEND: 'auto',
  });
});

it('names every problem at once, without the password', () => {
  const env = {
    DATABASE_URL: 'mysql://root:s3cret@db/triptych',
    TRIPTYCH_PORT: 'eighty',
    TRIPTYCH_RATE: '1.5 s',
    TRIPTYCH_DEBUG: 'yes',
    TRIPTYCH_BACKEND: 'gpu',
  };
  const error = thrownBy(() => readEnvironment(schema, env));
  expect(error.code).toBe('INVALID_INPUT');
  expect(new Set(error.violations.map((v) => v.path))).toEqual(new Set(Object.keys(env)));
  expect(error.message).toContain('"mysql://***@db/triptych"');
  expect(error.message).toContain('"eighty"');
  expect(JSON.stringify([error.message, error.violations])).not.toContain('s3cret');
});

it('says which variable is missing', () => {
  const error = thrownBy(() => readEnvironment(schema, {}));
  expect(error.violations).toEqual([
    { path: 'DATABASE_URL', expected: 'a value', actual: 'nothing', remedy: 'set this environment variable' },
  ]);
});

const folder = mkdtempSync(join(tmpdir(), 'triptych-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const withSecrets = Type.Object({
  TRIPTYCH_KEY: Secret({ minLength: 8 }),
  TRIPTYCH_WORD: Type.Optional(Secret()),
});

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

it('reads a secret from the file that NAME_FILE names, or from NAME', () => {
  expect(variablesOf(withSecrets)).toEqual([
    ...['TRIPTYCH_KEY', 'TRIPTYCH_KEY_FILE'],
    ...['TRIPTYCH_WORD', 'TRIPTYCH_WORD_FILE'],
  ]);
  expect(
    readEnvironment(withSecrets, { TRIPTYCH_KEY_FILE: file('key', ' 12345678\n'), TRIPTYCH_WORD: 'x' }),
  ).toEqual({ TRIPTYCH_KEY: '12345678', TRIPTYCH_WORD: 'x' });
  expect(readEnvironment(withSecrets, { TRIPTYCH_KEY: '12345678', TRIPTYCH_WORD_FILE: '' })).toEqual({
    TRIPTYCH_KEY: '12345678',
  });
});

it('says what is wrong with a secret and does not repeat it', () => {
  const said = (env: Record<string, string>) => thrownBy(() => readEnvironment(withSecrets, env)).violations;
  const missing = { TRIPTYCH_KEY_FILE: join(folder, 'missing'), TRIPTYCH_WORD_FILE: file('empty', '\n') };
  expect(said(missing)).toEqual([
    expect.objectContaining({ path: 'TRIPTYCH_KEY_FILE', actual: expect.stringContaining('ENOENT') }),
    expect.objectContaining({ path: 'TRIPTYCH_WORD_FILE', actual: `${join(folder, 'empty')} is empty` }),
  ]);
  expect(said({ TRIPTYCH_KEY: '12345678', TRIPTYCH_KEY_FILE: file('key', 'x') })).toEqual([
    expect.objectContaining({ path: 'TRIPTYCH_KEY_FILE', actual: 'both', remedy: 'unset TRIPTYCH_KEY' }),
  ]);
  expect(said({})).toEqual([
    expect.objectContaining({ remedy: 'set this environment variable, or TRIPTYCH_KEY_FILE' }),
  ]);
  for (const env of [{ TRIPTYCH_KEY: 's3cret' }, { TRIPTYCH_KEY_FILE: file('short', 's3cret') }]) {
    const violations = said(env as Record<string, string>);
    expect(violations.map(({ path, actual }) => [path, actual])).toEqual([['TRIPTYCH_KEY', '***']]);
    expect(JSON.stringify(violations)).not.toContain('s3cret');
  }
});

function thrownBy(action: () => unknown): TriptychError {
  try {
    action();
  } catch (error) {
    if (error instanceof TriptychError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
