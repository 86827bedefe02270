/** The three files of mutual TLS, read and looked at once, at the start: what is wrong with them is said there, not by failed calls. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type FleetRole,
  fleetNames,
  invalidInput,
  type TlsIdentity,
  type TriptychError,
  type Violation,
} from '@triptych/protocol';
import type { FleetSettings } from './fleet-settings.ts';

export interface TlsOptions {
  /** What this process is. */
  readonly role: FleetRole;
  readonly now?: Date;
}

const files = { ca: 'TRIPTYCH_TLS_CA', cert: 'TRIPTYCH_TLS_CERT', key: 'TRIPTYCH_TLS_KEY' } as const;

/**
 * Nothing where none of the three is set.
 * @throws TriptychError `INVALID_INPUT` with every problem: one or two of three, files that cannot be read or do not belong together,
 * certificates that are over, not yet valid or for another role
 */
export function readTls(settings: FleetSettings, options: TlsOptions): TlsIdentity | undefined {
  const parts = Object.entries(files) as [keyof TlsIdentity, (typeof files)[keyof typeof files]][];
  const missing = parts.filter(([, name]) => settings[name] === undefined);
  if (missing.length === parts.length) return undefined;
  if (missing.length > 0)
    throw refusal(
      missing.map(([, name]) => ({
        path: name,
        expected: 'a PEM file, as the other settings of TLS are there',
        actual: 'nothing',
        remedy:
          'set all of TRIPTYCH_TLS_CA, TRIPTYCH_TLS_CERT and TRIPTYCH_TLS_KEY for mutual TLS, or none of them',
      })),
    );
  const problems: Violation[] = [];
  const read = Object.fromEntries(
    parts.map(([part, name]) => {
      try {
        return [part, readFileSync(settings[name] ?? '', 'utf8')];
      } catch (error) {
        problems.push(problem(name, 'a file that can be read', (error as Error).message));
        return [part, ''];
      }
    }),
  ) as Record<keyof TlsIdentity, string>;
  if (problems.length === 0) problems.push(...problemsOf(read, options));
  if (problems.length > 0) throw refusal(problems);
  return read;
}

function problemsOf(read: TlsIdentity, { role, now = new Date() }: TlsOptions): Violation[] {
  const ca = parsed(files.ca, () => new X509Certificate(read.ca));
  const cert = parsed(files.cert, () => new X509Certificate(read.cert));
  const key = parsed(files.key, () => createPrivateKey(read.key));
  const broken = [ca, cert, key].flatMap((part) => ('problem' in part ? [part.problem] : []));
  if ('problem' in ca || 'problem' in cert || 'problem' in key) return broken;
  const found = [...validity(files.ca, ca.value, now), ...validity(files.cert, cert.value, now)];
  if (!cert.value.checkPrivateKey(key.value))
    found.push(problem(files.key, `the private key of ${files.cert}`, 'that of another certificate'));
  // A chain may have links in between, which the handshake follows.
  const isChain = read.cert.indexOf('BEGIN CERTIFICATE') !== read.cert.lastIndexOf('BEGIN CERTIFICATE');
  if (!isChain && !cert.value.verify(ca.value.publicKey))
    found.push(problem(files.cert, `a certificate of ${files.ca}`, 'one of another CA'));
  const name = fleetNames[role];
  if (!cert.value.checkHost(name))
    found.push(
      problem(files.cert, `a certificate with DNS:${name}`, cert.value.subjectAltName ?? 'one without names'),
    );
  return found;
}

function parsed<T>(name: string, parse: () => T): { readonly value: T } | { readonly problem: Violation } {
  try {
    return { value: parse() };
  } catch {
    return { problem: problem(name, 'PEM text', 'something else') };
  }
}

function validity(name: string, { validFrom, validTo }: X509Certificate, now: Date): Violation[] {
  const [from, to] = [new Date(validFrom), new Date(validTo)];
  if (now > to)
    return [problem(name, 'a certificate that is valid', `one that expired at ${to.toISOString()}`)];
  if (now < from)
    return [problem(name, 'a certificate that is valid', `one that begins at ${from.toISOString()}`)];
  return [];
}

/** What helps against nearly all that is wrong with certificates. */
export const CERTIFICATE_REMEDY = 'make new ones with `triptych certificates --out DIR`';

const problem = (path: string, expected: string, actual: string): Violation => ({
  ...{ path, expected, actual },
  remedy: CERTIFICATE_REMEDY,
});

const refusal = (violations: readonly Violation[]): TriptychError => invalidInput('environment', violations);
