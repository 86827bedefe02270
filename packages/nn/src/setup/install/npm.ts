/** Runs npm in a folder, and says what to do where it fails. */
import { execFile } from 'node:child_process';
import { TriptychError } from '@triptych/protocol';

export interface NpmOptions {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export type RunNpm = (args: readonly string[], options: NpmOptions) => Promise<string>;

/** Resolves to what npm printed. UNAVAILABLE where the registry cannot be reached, BACKEND_UNAVAILABLE for all else. */
export const runNpm: RunNpm = (args, { folder, env = {}, signal }) =>
  new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { ...process.env, ...env }, maxBuffer: 2 ** 26, signal };
    execFile('npm', [...args], options, (error, stdout, stderr) => {
      if (signal?.aborted) reject(signal.reason);
      else if (error) reject(npmFailure(args, `${stdout}\n${stderr}`));
      else resolve(stdout);
    });
  });

export function npmFailure(args: readonly string[], output: string): TriptychError {
  const command = `npm ${args.slice(0, 2).join(' ')}`;
  const known = remedies.find(({ pattern }) => pattern.test(output));
  if (known) return new TriptychError(known.code, `${command}: ${known.said}; ${known.remedy}`);
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return new TriptychError('BACKEND_UNAVAILABLE', `${command} failed:\n${lines.slice(-20).join('\n')}`);
}

const remedies = [
  {
    pattern: /request to https:\/\/nodejs\.org|ENOTFOUND nodejs\.org|node_api\.h: No such file/,
    code: 'BACKEND_UNAVAILABLE',
    said: 'the headers of Node are missing and cannot be downloaded',
    remedy:
      'install them (Debian: libnode-dev), or say where they are: npm config set nodedir <folder with include/node>',
  },
  {
    pattern: /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET/,
    code: 'UNAVAILABLE',
    said: 'the npm registry cannot be reached',
    remedy: 'check the network and `npm ping`; behind a proxy, `npm config set proxy`',
  },
  {
    pattern: /ENOSPC/,
    code: 'BACKEND_UNAVAILABLE',
    said: 'the disk is full',
    remedy: 'free 2 GB, or choose another folder with --folder',
  },
  {
    pattern: /E404|ETARGET/,
    code: 'BACKEND_UNAVAILABLE',
    said: 'the registry does not have the package',
    remedy: 'check which registry npm uses (`npm config get registry`)',
  },
] as const;
