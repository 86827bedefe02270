/** When certificates end, and that it is said in good time by a process that may run for months. */
import { X509Certificate } from 'node:crypto';
import type { TlsIdentity } from '@triptych/protocol';
import type { Logger } from './logger.ts';
import { CERTIFICATE_REMEDY } from './tls-files.ts';

export interface CertificateEnd {
  /** The setting whose file it is in. */
  readonly setting: string;
  readonly endsAt: Date;
}

export interface CertificateWatchOptions {
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  readonly now?: () => Date;
  readonly everyMs?: number;
}

const DAY_MS = 86_400_000;
const WARNING_DAYS = 14;

/** None without TLS. The files may have been replaced since: what counts until a restart is what was read. */
export const certificateEnds = (tls: TlsIdentity | undefined): readonly CertificateEnd[] =>
  tls === undefined
    ? []
    : [
        { setting: 'TRIPTYCH_TLS_CA', endsAt: endOf(tls.ca) },
        { setting: 'TRIPTYCH_TLS_CERT', endsAt: endOf(tls.cert) },
      ];

const endOf = (pem: string): Date => new Date(new X509Certificate(pem).validTo);

/** Warns at once, and twice a day, of those that end within two weeks. The process is not kept alive by it; disposing ends it. */
export function watchCertificates(
  ends: readonly CertificateEnd[],
  { logger, now = () => new Date(), everyMs = DAY_MS / 2 }: CertificateWatchOptions,
): Disposable {
  const look = () => {
    for (const { setting, endsAt } of ends) {
      const leftMs = endsAt.getTime() - now().getTime();
      if (leftMs >= WARNING_DAYS * DAY_MS) continue;
      const days = Math.floor(leftMs / DAY_MS);
      const facts = { event: 'certificate-expires', setting, endsAt: endsAt.toISOString(), days };
      if (leftMs <= 0)
        logger.error(facts, `The certificate in ${setting} is over, no new link comes up; ${REMEDY}`);
      else logger.warn(facts, `The certificate in ${setting} expires in ${days} days; ${REMEDY}`);
    }
  };
  look();
  const timer = setInterval(look, everyMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const REMEDY = `${CERTIFICATE_REMEDY}, and restart`;
