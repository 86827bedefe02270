/**
 * Where the certificates of a fleet lie: the CA with its key, and for each role a folder with the three files that it is given.
 *
 *   ca.pem  ca-key.pem  control-plane/{ca,cert,key}.pem  worker/{ca,cert,key}.pem
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type FleetRole, fleetNames, TriptychError } from '@triptych/protocol';
import { type Certified, makeAuthority, makeCertificate } from './authority.ts';

export interface CertificateFolder {
  readonly path: string;
  /** False where the CA was there before. */
  readonly isNew: boolean;
  readonly expires: Date;
  readonly authorityExpires: Date;
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;

/**
 * Makes everything, or, where a CA lies there, new certificates of it. Keys are for their owner's eyes alone.
 * @throws TriptychError `ILLEGAL_STATE` where the CA ends before them, or its key is missing
 */
export async function writeCertificates(options: {
  readonly path: string;
  readonly days: number;
  readonly now?: Date;
}): Promise<CertificateFolder> {
  const { path: folder, days, now = new Date() } = options;
  const path = resolve(folder);
  const at = (...names: string[]) => join(path, ...names);
  // Clocks of a fleet differ a little.
  const from = new Date(now.getTime() - DAY_MS / 24);
  const to = new Date(now.getTime() + days * DAY_MS);
  const isNew = !existsSync(at('ca.pem'));
  const authority = isNew
    ? await makeAuthority({ from, to: new Date(now.getTime() + AUTHORITY_DAYS * DAY_MS) })
    : presentAuthority(at('ca.pem'), at('ca-key.pem'));
  const authorityExpires = new Date(new X509Certificate(authority.cert).validTo);
  if (authorityExpires < to)
    throw new TriptychError(
      'ILLEGAL_STATE',
      `The CA in ${path} ends at ${authorityExpires.toISOString()}, before its certificates would; ask for fewer --days, or make a new CA in another folder and give every process its files`,
    );
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (isNew) {
    write(at('ca-key.pem'), authority.key, 0o600);
    write(at('ca.pem'), authority.cert, 0o644);
  }
  for (const role of Object.keys(fleetNames) as FleetRole[]) {
    const { cert, key } = await makeCertificate(role, { authority, validity: { from, to } });
    mkdirSync(at(role), { recursive: true, mode: 0o700 });
    write(at(role, 'ca.pem'), authority.cert, 0o644);
    write(at(role, 'key.pem'), key, 0o600);
    write(at(role, 'cert.pem'), cert, 0o644);
  }
  return { path, isNew, expires: to, authorityExpires };
}

function presentAuthority(certPath: string, keyPath: string): Certified {
  try {
    return { cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
  } catch (cause) {
    throw new TriptychError(
      'ILLEGAL_STATE',
      `The CA in ${certPath} cannot make certificates without its key: ${(cause as Error).message}; bring it back, or choose another folder`,
      { cause },
    );
  }
}

/** Whole or not at all, and never readable by others on the way. */
function write(path: string, content: string, mode: number): void {
  const aside = `${path}.new`;
  writeFileSync(aside, content, { mode });
  renameSync(aside, path);
}
