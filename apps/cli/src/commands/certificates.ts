/** triptych certificates: what control plane and workers need for mutual TLS. */
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { positiveInteger } from '../option-values.ts';

interface Flags {
  readonly out: string;
  readonly days: number;
}

export function register(program: Command, context: CommandContext): void {
  program
    .command('certificates')
    .description(
      'a CA for your fleet, and certificates for its control plane and workers; again: new certificates of the same CA',
    )
    .requiredOption('--out <folder>', 'where they lie; keep it to yourself')
    .option('--days <n>', 'how long the certificates are valid', positiveInteger, 365)
    .action((flags: Flags) => certificates(flags, context));
}

async function certificates({ out, days }: Flags, { stdout }: CommandContext): Promise<void> {
  const { writeCertificates } = await import('../certificates/certificate-folder.ts');
  const { path, isNew, expires, authorityExpires } = await writeCertificates({ path: out, days });
  const settings = (role: string) =>
    [
      `  TRIPTYCH_TLS_CA=${path}/${role}/ca.pem`,
      `  TRIPTYCH_TLS_CERT=${path}/${role}/cert.pem`,
      `  TRIPTYCH_TLS_KEY=${path}/${role}/key.pem`,
    ].join('\n');
  stdout.write(
    `${isNew ? 'A new CA' : 'New certificates of the CA'} in ${path}, valid until ${expires.toISOString()} (the CA: ${authorityExpires.toISOString()})

The control plane gets the folder control-plane:
${settings('control-plane')}
every worker, also several of one machine, the folder worker:
${settings('worker')}
Nobody needs ca-key.pem but this command. Renew: the same command again, then restart them.
`,
  );
}
