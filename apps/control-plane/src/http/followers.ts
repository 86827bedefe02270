/**
 * The event streams that are open, of runs and of datasets. What this process writes wakes them at once; what another one writes
 * about runs, one question to the database finds for all of them together, so that streams of quiet runs cost nothing.
 */
import { TriptychError } from '@triptych/protocol';
import type { RunHistory } from '../store/run-history.ts';
import type { RunNotifier, RunWatch } from '../store/run-notifier.ts';

export interface FollowersOptions {
  readonly history: Pick<RunHistory, 'sequences'>;
  readonly notifier: RunNotifier;
  /** Another control plane's changes are seen within this time. */
  readonly pollMs?: number;
  readonly mostStreams?: number;
}

export class Followers {
  readonly #options: FollowersOptions;
  readonly #followers = new Set<Follower>();
  #poll: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: FollowersOptions) {
    this.#options = options;
  }

  /** `UNAVAILABLE` where too many are open. Whoever follows disposes. */
  follow(subject: string, after: number): Follower {
    const { notifier, pollMs = 1000, mostStreams = 500 } = this.#options;
    if (this.#followers.size >= mostStreams)
      throw new TriptychError(
        'UNAVAILABLE',
        `${mostStreams} event streams are open, which is the limit; close some, or read pages without Accept: text/event-stream`,
      );
    const follower = new Follower(subject, {
      after,
      watch: notifier.watch(subject),
      leave: () => this.#leave(follower),
    });
    this.#followers.add(follower);
    this.#poll ??= setInterval(() => void this.#ask(), pollMs).unref();
    return follower;
  }

  get size(): number {
    return this.#followers.size;
  }

  #leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const followers = [...this.#followers];
      const newest = await this.#options.history.sequences([
        ...new Set(followers.map(({ subject }) => subject)),
      ]);
      const behind = followers.filter(({ subject, last }) => last < (newest.get(subject) ?? 0));
      for (const subject of new Set(behind.map((one) => one.subject))) this.#options.notifier.wake(subject);
    } catch {
      // The database is away: the next question finds what has happened since.
    } finally {
      this.#isAsking = false;
    }
  }
}

/** One stream's place in the events of a run. */
export class Follower {
  readonly subject: string;
  /** Sequence of the event that was sent last; kept by the stream. */
  last: number;
  readonly #watch: RunWatch;
  readonly #leave: () => void;

  constructor(
    subject: string,
    { after, watch, leave }: { readonly after: number; readonly watch: RunWatch; readonly leave: () => void },
  ) {
    this.subject = subject;
    this.last = after;
    this.#watch = watch;
    this.#leave = leave;
  }

  /** Resolves when there may be more, after `timeoutMs` at the latest; rejects with the reason of `signal`. */
  moved(options: Parameters<RunWatch['changed']>[0]): Promise<'changed' | 'timeout'> {
    return this.#watch.changed(options);
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#leave();
  }
}
