/** What went wrong with a run so far, read from its events: whoever owns it next goes on with the patience that is left. */
import { isErrorCode } from '@triptych/protocol';
import type { Transaction } from './database.ts';
import type { PastFailure, Tenure } from './run-store.ts';

type Past = Pick<Tenure, 'failures' | 'distrusted'>;

export const nothingPast: Past = { failures: [], distrusted: [] };

/**
 * A failed generation is told by the event that made the run RECOVERING, a checkpoint that could not be read by a line of
 * its log; both carry the error's code. A generation that ended with its supervisor has none and counts as no failure.
 */
export async function readPast(client: Pick<Transaction, 'runEvent'>, runId: string): Promise<Past> {
  const rows = await client.runEvent.findMany({
    where: { runId, OR: [{ type: 'state', status: 'RECOVERING' }, { type: 'log' }] },
    orderBy: { sequence: 'asc' },
    select: { type: true, detail: true },
  });
  const failures: PastFailure[] = [];
  const distrusted: string[] = [];
  for (const { type, detail } of rows) {
    const { code, step, sha256 } = detail as { code?: unknown; step?: unknown; sha256?: unknown };
    if (typeof code !== 'string' || !isErrorCode(code)) continue;
    if (type === 'state' && typeof step === 'number') failures.push({ code, step });
    else if (type === 'log' && typeof sha256 === 'string') distrusted.push(sha256);
  }
  return { failures, distrusted };
}
