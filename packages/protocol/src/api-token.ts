/**
 * The form of API tokens, and of the other secrets that stand for one: a prefix that secret scanners know, 256 random bits in
 * letters and digits, and a checksum, so that a mistyped one is refused without a look at the record.
 */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'trip_';
const RANDOM_BYTES = 32;
/** 62^43 is more than 2^256, 62^6 more than 2^32. */
const RANDOM_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORM = new RegExp(`^${PREFIX}[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

export function newSecret(): string {
  const random = base62(BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`), RANDOM_LENGTH);
  return `${PREFIX}${random}${checksumOf(random)}`;
}

/** Whether it can be one of ours; which one it is, the record knows. */
export function isSecret(text: string): boolean {
  if (!FORM.test(text)) return false;
  const random = text.slice(PREFIX.length, -CHECKSUM_LENGTH);
  return text.endsWith(checksumOf(random));
}

/** What is stored of a secret. It is as good as random, so that nothing slower is needed than one hash. */
export const hashOfSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const checksumOf = (random: string): string => base62(BigInt(crc32(random)), CHECKSUM_LENGTH);

function base62(value: bigint, length: number): string {
  let text = '';
  for (let i = 0, rest = value; i < length; i++, rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}
