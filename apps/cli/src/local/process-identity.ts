/** Who a process id belongs to. An id alone is no identity: it is used again after its process has ended. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When `pid` started, as an opaque text that no other process with the same id shares; `undefined` if there is none. */
export function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'lstart');
  const fields = statOf(pid);
  return fields?.[STATE] === 'Z' ? undefined : fields?.[START_TIME];
}

export function parentOf(pid: number): number | undefined {
  const parent = process.platform === 'linux' ? statOf(pid)?.[PARENT] : ps(pid, 'ppid');
  return parent === undefined ? undefined : Number(parent);
}

/** The command line of `pid`, arguments joined by spaces; `undefined` if there is no such process. */
export function commandOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'command');
  return readProc(pid, 'cmdline')?.replaceAll('\0', ' ').trim();
}

const STATE = 0;
const PARENT = 1;
const START_TIME = 19;

/** Fields 3 and on of /proc/pid/stat: the name before them may hold spaces and parentheses. */
function statOf(pid: number): string[] | undefined {
  const stat = readProc(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function ps(pid: number, column: string): string | undefined {
  const { stdout, status } = spawnSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() || undefined : undefined;
}
