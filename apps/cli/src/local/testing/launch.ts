/** Runs testing/launcher.mjs in a process of its own and says what it started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Launched {
  readonly launcher: ChildProcess;
  readonly pids: readonly number[];
  readonly ports: readonly number[];
}

export async function launch(what: 'database' | 'stack', folder: string): Promise<Launched> {
  const script = fileURLToPath(new URL('launcher.mjs', import.meta.url));
  const launcher = spawn(process.execPath, [script, what, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: launcher.stdout! })) {
    return { launcher, ...(JSON.parse(line) as Omit<Launched, 'launcher'>) };
  }
  throw new Error(`The launcher ended with code ${launcher.exitCode}`);
}

/** Whether something listens on 127.0.0.1:port. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
