/**
 * A small certificate authority for one fleet: makes a CA, and certificates for the roles of a fleet. Node reads certificates and
 * makes none; node-forge makes them, from keys that Node drew.
 */
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { type FleetRole, fleetNames } from '@triptych/protocol';
import forge from 'node-forge';

/** PEM text. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

export async function makeAuthority(validity: Validity): Promise<Certified> {
  const key = await drawKey();
  const subject = [{ shortName: 'CN', value: `Triptych fleet ${randomBytes(4).toString('hex')}` }];
  return certify({
    ...{ key, validity, subject },
    issuer: { subject, key },
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      { name: 'subjectKeyIdentifier' },
    ],
  });
}

/** It proves the role, wherever its owner is: the name of the role is its only name. */
export async function makeCertificate(
  role: FleetRole,
  { authority, validity }: { readonly authority: Certified; readonly validity: Validity },
): Promise<Certified> {
  const key = await drawKey();
  const name = fleetNames[role];
  return certify({
    ...{ key, validity },
    subject: [{ shortName: 'CN', value: name }],
    issuer: {
      subject: forge.pki.certificateFromPem(authority.cert).subject.attributes,
      key: authority.key,
    },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      // Everybody in a fleet is called and calls.
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
      { name: 'subjectKeyIdentifier' },
    ],
  });
}

function certify(options: {
  readonly key: string;
  readonly validity: Validity;
  readonly subject: forge.pki.CertificateField[];
  readonly issuer: { readonly subject: forge.pki.CertificateField[]; readonly key: string };
  readonly extensions: readonly object[];
}): Certified {
  const { key, validity, subject, issuer, extensions } = options;
  const certificate = forge.pki.createCertificate();
  const { n, e } = forge.pki.privateKeyFromPem(key) as forge.pki.rsa.PrivateKey;
  certificate.publicKey = forge.pki.setRsaPublicKey(n, e);
  // Positive, and never the same twice.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = validity.from;
  certificate.validity.notAfter = validity.to;
  certificate.setSubject(subject);
  certificate.setIssuer(issuer.subject);
  certificate.setExtensions([...extensions]);
  certificate.sign(
    forge.pki.privateKeyFromPem(issuer.key) as forge.pki.rsa.PrivateKey,
    forge.md.sha256.create(),
  );
  return { cert: forge.pki.certificateToPem(certificate), key };
}

async function drawKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 3072,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return privateKey;
}
