/** A command in the foreground: it gets the signals that this process gets, and its end becomes this process's end. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { root } from './repository.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const ORPHAN_CHECK_MS = 500;

/**
 * @param {string} program
 * @param {string[]} parameters
 * @param {{ env: NodeJS.ProcessEnv, stdio?: import('node:child_process').StdioOptions }} options
 *   `stdio` may hold an IPC channel: it closes when this process dies, whatever kills it, and the child can end then.
 * @returns {Promise<number>} the exit code, 128 + n where signal n ended it
 */
export async function runToEnd(program, parameters, { env, stdio = 'inherit' }) {
  const child = spawn(program, parameters, { cwd: root, env, stdio });
  const forward = (signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, forward);
  const watch = watchAncestors(() => child.kill('SIGTERM'));
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : code));
    });
  } finally {
    clearInterval(watch);
    for (const signal of SIGNALS) process.off(signal, forward);
  }
}

/** `npm run` that is killed tells nobody: calls `onOrphaned` once when it, or the shell in between, has gone. */
function watchAncestors(onOrphaned) {
  const parent = process.ppid;
  const { npm_lifecycle_event: script } = process.env;
  const grandparent = script ? parentOf(parent) : undefined;
  const watch = setInterval(() => {
    if (process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent)) return;
    clearInterval(watch);
    onOrphaned();
  }, ORPHAN_CHECK_MS);
  watch.unref();
  return watch;
}

/** Only where /proc tells; elsewhere the direct parent has to do. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
