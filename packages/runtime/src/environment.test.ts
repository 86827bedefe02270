import { Backend, TriptychError } from '@triptych/protocol';
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { readEnvironment } from './environment.ts';

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

function thrownBy(action: () => unknown): TriptychError {
  try {
    action();
  } catch (error) {
    if (error instanceof TriptychError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
