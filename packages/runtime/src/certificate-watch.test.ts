import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { certificateEnds, watchCertificates } from './certificate-watch.ts';

const DAY_MS = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2030-01-01') });
});
afterEach(() => {
  vi.useRealTimers();
});

const said: string[] = [];
const say = (level: string) => (_: unknown, text?: string) => void said.push(`${level}: ${text}`);
const logger = { warn: say('warn'), error: say('error') };
const endIn = (days: number) => new Date(Date.now() + days * DAY_MS);

test('an end is said two weeks before, while the process runs, and again until it is there', () => {
  said.length = 0;
  const ends = [
    { setting: 'TRIPTYCH_TLS_CA', endsAt: endIn(3000) },
    { setting: 'TRIPTYCH_TLS_CERT', endsAt: endIn(20) },
  ];
  const watch = watchCertificates(ends, { logger });
  vi.advanceTimersByTime(5.9 * DAY_MS);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(DAY_MS);
  expect(said[0]).toMatch(/^warn: The certificate in TRIPTYCH_TLS_CERT expires in 13 days; make new ones/);
  vi.advanceTimersByTime(14 * DAY_MS);
  expect(said.at(-1)).toMatch(/^error: The certificate in TRIPTYCH_TLS_CERT is over/);
  expect(said.some((line) => line.includes('TLS_CA'))).toBe(false);
  const before = said.length;
  watch[Symbol.dispose]();
  vi.advanceTimersByTime(DAY_MS);
  expect(said.length).toBe(before);
});

test('without TLS there is no end', () => {
  expect(certificateEnds(undefined)).toEqual([]);
});
