/** The other side of engine/probe/process.ts: tries a backend in a process of its own, and survives its crash. */
import { fork } from 'node:child_process';
import type { ProbeReport, ProbeRequest } from '../engine/probe/messages.ts';

export interface ProbeOptions extends ProbeRequest {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** The script; replaced in tests. */
  readonly entry?: URL;
}

/** How backends are tried: {@link runProbe}, or what a test puts in its place. */
export type Probe = (options: ProbeOptions) => Promise<ProbeOutcome>;

export type ProbeOutcome = ProbeReport | { readonly kind: 'crashed'; readonly message: string };

/** The built file, also where this module runs from its source. */
const ENTRY = new URL('../../dist/engine/probe/process.js', import.meta.url);

/** Rejects with the signal's reason alone; whatever happens to the process is an outcome. */
export function runProbe(options: ProbeOptions): Promise<ProbeOutcome> {
  const { choice, seconds, timeoutMs, signal, entry = ENTRY } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = fork(entry, [JSON.stringify({ choice, seconds } satisfies ProbeRequest)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let report: ProbeReport | undefined;
    let complaints = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const abort = () => child.kill('SIGKILL');
    const settle = (how: string) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted) reject(signal.reason);
      else if (report) resolve(report);
      else resolve({ kind: 'crashed', message: `${how}${lastLines(complaints)}` });
    };
    signal?.addEventListener('abort', abort);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-4000);
    });
    child.on('message', (message) => {
      report = message as ProbeReport;
    });
    child.once('error', (error) => settle(`its process could not be started: ${error.message}`));
    child.once('close', (code, killedBy) => {
      if (timedOut) settle(`it did not answer within ${timeoutMs / 1000} s`);
      else settle(killedBy ? `its process was ended by ${killedBy}` : `its process ended with code ${code}`);
    });
  });
}

/** Without blank lines and stack traces. */
function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => !/^\s*$|^\s+at |^Node\.js v/.test(line));
  return lines.length === 0 ? '' : `: ${lines.slice(-5).join('\n')}`;
}
