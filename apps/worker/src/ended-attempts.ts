/**
 * Attempts that were stopped here, or before they came here: a call to train that was held up on its way must not start what is
 * over. Bounded: a call that is older than the last 64 stops is not on its way any more.
 */
import type { worker } from '@triptych/protocol';

type Training = Pick<worker.StopRequest, 'runId' | 'attempt' | 'fencingToken'>;

const REMEMBERED = 64;

export class EndedAttempts {
  readonly #byRun = new Map<string, Training>();

  add(stopped: Training): void {
    this.#byRun.delete(stopped.runId);
    this.#byRun.set(stopped.runId, stopped);
    const [oldest] = this.#byRun.keys();
    if (this.#byRun.size > REMEMBERED && oldest !== undefined) this.#byRun.delete(oldest);
  }

  /** True for the attempt that was stopped, and older ones, unless an owner asks who is newer than the one who stopped it. */
  includes({ runId, attempt, fencingToken }: Training): boolean {
    const stopped = this.#byRun.get(runId);
    return stopped !== undefined && attempt <= stopped.attempt && fencingToken <= stopped.fencingToken;
  }
}
