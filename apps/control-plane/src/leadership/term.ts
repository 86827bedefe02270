/**
 * The time for which this control plane leads. It ends by itself where nobody confirms that the lock is still held: at the latest
 * then, by a clock that does not jump, and before the database could give the lock to somebody else. A process that stood still
 * finds it over when it wakes, whatever it does first.
 */
import { TriptychError } from '@triptych/protocol';

export interface TermOptions {
  readonly number: bigint;
  /** What the other control planes show to this one. */
  readonly secret: string;
  /** When what has confirmed it first was asked, by the clock of `now`. */
  readonly askedAt: number;
  /** For so long a confirmation holds, from when it was asked for. */
  readonly confirmedMs: number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
}

export class Term {
  readonly number: bigint;
  readonly secret: string;
  readonly #options: TermOptions;
  readonly #ended = new AbortController();
  #heldUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TermOptions) {
    this.number = options.number;
    this.secret = options.secret;
    this.#options = options;
    this.confirm(options.askedAt);
  }

  /** Aborted, with the reason, when it is over. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get isHeld(): boolean {
    if (this.signal.aborted) return false;
    if (this.#options.now() >= this.#heldUntil) this.end(unconfirmed());
    return !this.signal.aborted;
  }

  /** @throws TriptychError `NOT_LEADER` where it is over */
  assertHeld(): void {
    if (!this.isHeld) throw notLeader('This control plane does not lead any more');
  }

  /** The lock was still held after `askedAt`. */
  confirm(askedAt: number): void {
    const { confirmedMs, now } = this.#options;
    this.#heldUntil = Math.max(this.#heldUntil, askedAt + confirmedMs);
    clearTimeout(this.#timer);
    if (this.isHeld) this.#timer = setTimeout(() => this.isHeld, this.#heldUntil - now() + 1).unref();
  }

  end(reason: Error): void {
    clearTimeout(this.#timer);
    this.#ended.abort(reason);
  }
}

export const notLeader = (message: string, leaderAddress?: string): TriptychError =>
  new TriptychError('NOT_LEADER', message, { leaderAddress, retryAfterSeconds: 1 });

const unconfirmed = (): TriptychError =>
  notLeader('The database did not confirm in time that this control plane leads');
