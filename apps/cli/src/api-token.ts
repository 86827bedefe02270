/** Which API token commands show: the one that was given, or that of the stack on this machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invalidInput, show } from '@triptych/protocol';

/** Where an embedded stack keeps its own, inside its home. */
export const TOKEN_FILE = 'token';

export interface TokenSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the control plane that is asked. */
  readonly url: string;
  /** Of an embedded stack whose token is taken where none is given. */
  readonly home: string;
}

/**
 * TRIPTYCH_TOKEN, what is in TRIPTYCH_TOKEN_FILE, or the token of the stack in `home`. That one goes to this machine alone: no
 * other one made it. `INVALID_INPUT` where a file was named that cannot be read.
 */
export function findToken({ env, url, home }: TokenSources): string | undefined {
  if (env['TRIPTYCH_TOKEN']) return env['TRIPTYCH_TOKEN'];
  const named = env['TRIPTYCH_TOKEN_FILE'];
  const file = named || (isThisMachine(url) ? join(home, TOKEN_FILE) : undefined);
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!named && (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES')) return undefined;
    throw invalidInput('environment', [
      {
        path: 'TRIPTYCH_TOKEN_FILE',
        expected: 'a file that can be read',
        actual: `${show(file)} (${code})`,
        remedy: 'correct the path, or set TRIPTYCH_TOKEN',
      },
    ]);
  }
}

function isThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
