/** The API token of an embedded stack: made at its first start, and known to its control plane from every start on. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { isSecret, newSecret } from '@triptych/protocol';
import type { Home } from './home.ts';

/** Only its owner can read the file. Who configures another token has that one; where nobody is asked, there is none. */
export function stackToken(
  { tokenFile }: Pick<Home, 'tokenFile'>,
  env: NodeJS.ProcessEnv,
): string | undefined {
  if (env['TRIPTYCH_AUTH'] === 'off') return undefined;
  const file = env['TRIPTYCH_ADMIN_TOKEN_FILE'];
  if (env['TRIPTYCH_ADMIN_TOKEN']) return env['TRIPTYCH_ADMIN_TOKEN'];
  if (file) return readFileSync(file, 'utf8').trim();
  const token = kept(tokenFile) ?? newSecret();
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  // The mode above is that of a new file.
  chmodSync(tokenFile, 0o600);
  return token;
}

function kept(path: string): string | undefined {
  try {
    const token = readFileSync(path, 'utf8').trim();
    return isSecret(token) ? token : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
