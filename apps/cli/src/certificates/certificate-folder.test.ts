import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fleetNames } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CertificateFolder, writeCertificates } from './certificate-folder.ts';

const path = mkdtempSync(join(tmpdir(), 'certificates-'));
let made: CertificateFolder;
beforeAll(async () => {
  made = await writeCertificates({ path, days: 30 });
});
afterAll(() => rmSync(path, { recursive: true }));

const certificate = (...names: string[]) => new X509Certificate(readFileSync(join(path, ...names)));

test('each role has a certificate of the CA with its own name, and keys are its owner’s alone', () => {
  const ca = certificate('ca.pem');
  expect(ca.ca).toBe(true);
  for (const [role, name] of Object.entries(fleetNames)) {
    const own = certificate(role, 'cert.pem');
    expect(own.verify(ca.publicKey)).toBe(true);
    expect(own.checkIssued(ca)).toBe(true);
    expect(own.subjectAltName).toBe(`DNS:${name}`);
    expect(own.ca).toBe(false);
    expect(readdirSync(join(path, role)).sort()).toEqual(['ca.pem', 'cert.pem', 'key.pem']);
  }
  for (const key of ['ca-key.pem', 'worker/key.pem', 'control-plane/key.pem'])
    expect((statSync(join(path, key)).mode & 0o777).toString(8)).toBe('600');
  expect(made).toMatchObject({ isNew: true });
});

test('the same folder again: new certificates of the same CA, which does not outlive them', async () => {
  const before = [certificate('ca.pem'), certificate('worker', 'cert.pem')].map((one) => one.fingerprint256);
  expect(await writeCertificates({ path, days: 60 })).toMatchObject({ isNew: false });
  expect(certificate('ca.pem').fingerprint256).toBe(before[0]);
  expect(certificate('worker', 'cert.pem').fingerprint256).not.toBe(before[1]);
  await expect(writeCertificates({ path, days: 10_000 })).rejects.toThrow(/fewer --days/);
});
