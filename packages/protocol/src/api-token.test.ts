import { expect, test } from 'vitest';
import { hashOfSecret, isSecret, newSecret } from './api-token.ts';

test('a secret has one form, is never the same, and betrays a mistake of one character', () => {
  const all = Array.from({ length: 200 }, newSecret);
  expect(new Set(all).size).toBe(200);
  for (const secret of all) {
    expect(secret).toMatch(/^trip_[0-9A-Za-z]{49}$/);
    expect(isSecret(secret)).toBe(true);
    const other = secret[20] === 'x' ? 'y' : 'x';
    expect(isSecret(`${secret.slice(0, 20)}${other}${secret.slice(21)}`)).toBe(false);
  }
  for (const text of ['', 'trip_', `${all[0]} `, `${all[0]}0`, all[0]!.toUpperCase(), 'x'.repeat(1e6)])
    expect(isSecret(text)).toBe(false);
  expect(hashOfSecret('a')).toBe('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb');
});
