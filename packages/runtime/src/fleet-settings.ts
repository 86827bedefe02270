/** What control plane and workers are both told, so that they know each other and strangers stay out. */
import { readFileSync } from 'node:fs';
import { invalidInput } from '@triptych/protocol';
import { type Static, Type } from 'typebox';

/** For the schemas of both processes' environments. */
export const FleetSettings = {
  TRIPTYCH_JOIN_TOKEN: Type.Optional(
    Type.String({ description: 'What workers show to register; several with commas while one is replaced' }),
  ),
  TRIPTYCH_JOIN_TOKEN_FILE: Type.Optional(
    Type.String({ description: 'A file with join tokens instead, one a line' }),
  ),
  TRIPTYCH_TLS_CA: Type.Optional(
    Type.String({ description: 'PEM file: whose certificates are believed. With the two below: mutual TLS' }),
  ),
  TRIPTYCH_TLS_CERT: Type.Optional(Type.String({ description: 'PEM file: the certificate of this process' })),
  TRIPTYCH_TLS_KEY: Type.Optional(
    Type.String({ description: 'PEM file: the private key of TRIPTYCH_TLS_CERT' }),
  ),
};

const Settings = Type.Object(FleetSettings);
export type FleetSettings = Readonly<Static<typeof Settings>>;

/**
 * In their order; none where nothing is set.
 * @throws TriptychError `INVALID_INPUT`, which repeats no token
 */
export function readJoinTokens(settings: FleetSettings): readonly string[] {
  const { TRIPTYCH_JOIN_TOKEN: inline, TRIPTYCH_JOIN_TOKEN_FILE: path } = settings;
  if (inline !== undefined && path !== undefined)
    throw refusal('TRIPTYCH_JOIN_TOKEN', {
      expected: 'one of TRIPTYCH_JOIN_TOKEN and TRIPTYCH_JOIN_TOKEN_FILE',
      actual: 'both',
      remedy: 'unset one of them',
    });
  const name = path === undefined ? 'TRIPTYCH_JOIN_TOKEN' : 'TRIPTYCH_JOIN_TOKEN_FILE';
  const text = path === undefined ? inline : fileOf(path);
  if (text === undefined) return [];
  const tokens = text
    .split(/[,\n]/)
    .map((token) => token.trim())
    .filter(Boolean);
  const remedy = 'use what `openssl rand -base64 32` prints';
  if (tokens.length === 0) throw refusal(name, { expected: 'at least one token', actual: 'none', remedy });
  if (!tokens.every((token) => /^[\x21-\x7e]{1,512}$/.test(token)))
    throw refusal(name, {
      expected: 'tokens of at most 512 letters, digits and signs, without spaces inside',
      actual: 'another one',
      remedy,
    });
  return tokens;
}

function fileOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw refusal('TRIPTYCH_JOIN_TOKEN_FILE', {
      expected: 'a file that can be read',
      actual: (error as Error).message,
      remedy: 'correct the path or the rights of the file',
    });
  }
}

const refusal = (path: string, problem: { expected: string; actual: string; remedy: string }) =>
  invalidInput('environment', [{ path, ...problem }]);
