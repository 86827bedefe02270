/** Identifiers that sort by their time of birth and fit URLs, job ids and file names: `run_01jd3v9k0w8p...`. */
import { randomBytes } from 'node:crypto';

/** Crockford's base 32: no i, l, o, u. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_LENGTH = 10;
const RANDOM_BYTES = 10;

export function newId(
  prefix: 'run' | 'dataset' | 'model' | 'token' | 'audit',
  now: Date = new Date(),
): string {
  return `${prefix}_${base32(BigInt(now.getTime()), TIME_LENGTH)}${base32(bigintOf(randomBytes(RANDOM_BYTES)), 16)}`;
}

const bigintOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);

function base32(value: bigint, length: number): string {
  let text = '';
  for (let i = 0, rest = value; i < length; i++, rest >>= 5n) text = alphabet[Number(rest & 31n)] + text;
  return text;
}
