/** What control plane and workers are both told, so that they know each other and strangers stay out. */
import { invalidInput } from '@triptych/protocol';
import { type Static, Type } from 'typebox';
import { Secret } from './environment.ts';

/** For the schemas of both processes' environments. */
export const FleetSettings = {
  TRIPTYCH_JOIN_TOKEN: Type.Optional(
    Secret({
      description: 'What workers show to register; several with commas or one a line while one is replaced',
    }),
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
export function readJoinTokens({ TRIPTYCH_JOIN_TOKEN: text }: FleetSettings): readonly string[] {
  if (text === undefined) return [];
  const tokens = text
    .split(/[,\n]/)
    .map((token) => token.trim())
    .filter(Boolean);
  const remedy = 'use what `openssl rand -base64 32` prints';
  const refusal = (expected: string, actual: string) =>
    invalidInput('environment', [{ path: 'TRIPTYCH_JOIN_TOKEN', expected, actual, remedy }]);
  if (tokens.length === 0) throw refusal('at least one token', 'none');
  if (!tokens.every((token) => /^[\x21-\x7e]{1,512}$/.test(token)))
    throw refusal('tokens of at most 512 letters, digits and signs, without spaces inside', 'another one');
  return tokens;
}
