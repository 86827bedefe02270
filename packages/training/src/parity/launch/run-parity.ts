/** Starts the process that compares, and hands on what it reports. Free of tensors. */
import { fork } from 'node:child_process';
import { TriptychError } from '@triptych/protocol';
import type { CaseReport, ParityMessage, ParityRequest } from './messages.ts';

export interface RunParityOptions extends ParityRequest {
  readonly signal?: AbortSignal;
  readonly onEngine?: (engine: { readonly backend: string; readonly device: string }) => void;
  /** As soon as a case was compared. */
  readonly onCase?: (report: CaseReport) => void;
  /** The script; replaced in tests. */
  readonly entry?: URL;
}

/** The built file, also where this module runs from its source. */
const ENTRY = new URL('../../../dist/parity/process.js', import.meta.url);

/**
 * One report for each case.
 * @throws TriptychError NOT_FOUND where the folder has no case, BACKEND_UNAVAILABLE; the reason of the signal.
 */
export function runParity(options: RunParityOptions): Promise<CaseReport[]> {
  const { folder, backend, vocabulary, signal, onEngine, onCase, entry = ENTRY } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = fork(entry, [JSON.stringify({ folder, backend, vocabulary } satisfies ParityRequest)], {
      execArgv: [],
      // Infinite differences arrive as such.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const reports: CaseReport[] = [];
    let refusal: TriptychError | undefined;
    let complaints = '';
    const abort = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', abort);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-4000);
    });
    child.on('message', (message: ParityMessage) => {
      if (message.type === 'engine') onEngine?.(message);
      else if (message.type === 'refused') refusal = new TriptychError(message.code, message.message);
      else {
        reports.push(message.report);
        onCase?.(message.report);
      }
    });
    child.once('error', reject);
    child.once('close', (code, killedBy) => {
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted) reject(signal.reason);
      else if (refusal) reject(refusal);
      else if (code === 0) resolve(reports);
      else reject(new Error(`the comparing process ended with ${killedBy ?? code}: ${complaints}`));
    });
  });
}
