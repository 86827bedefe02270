/**
 * The event streams that are open. What this process writes wakes them at once; what another one writes, one question to
 * the database finds for all of them together, so that streams of quiet runs cost nothing.
 */
import { TriptychError } from '@triptych/protocol';
import type { RunHistory } from '../store/run-history.ts';
import type { RunNotifier, RunWatch } from '../store/run-notifier.ts';

export interface RunFollowersOptions {
  readonly history: Pick<RunHistory, 'sequences'>;
  readonly notifier: RunNotifier;
  /** Another control plane's changes are seen within this time. */
  readonly pollMs?: number;
  readonly mostStreams?: number;
}

export class RunFollowers {
  readonly #options: RunFollowersOptions;
  readonly #followers = new Set<RunFollower>();
  #poll: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: RunFollowersOptions) {
    this.#options = options;
  }

  /** `UNAVAILABLE` where too many are open. Whoever follows disposes. */
  follow(runId: string, after: number): RunFollower {
    const { notifier, pollMs = 1000, mostStreams = 500 } = this.#options;
    if (this.#followers.size >= mostStreams)
      throw new TriptychError(
        'UNAVAILABLE',
        `${mostStreams} event streams are open, which is the limit; close some, or read pages without Accept: text/event-stream`,
      );
    const follower = new RunFollower(runId, {
      after,
      watch: notifier.watch(runId),
      leave: () => this.#leave(follower),
    });
    this.#followers.add(follower);
    this.#poll ??= setInterval(() => void this.#ask(), pollMs).unref();
    return follower;
  }

  get size(): number {
    return this.#followers.size;
  }

  #leave(follower: RunFollower): void {
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
      const newest = await this.#options.history.sequences([...new Set(followers.map(({ runId }) => runId))]);
      const behind = followers.filter(({ runId, last }) => last < (newest.get(runId) ?? 0));
      for (const runId of new Set(behind.map((one) => one.runId))) this.#options.notifier.wake(runId);
    } catch {
      // The database is away: the next question finds what has happened since.
    } finally {
      this.#isAsking = false;
    }
  }
}

/** One stream's place in the events of a run. */
export class RunFollower {
  readonly runId: string;
  /** Sequence of the event that was sent last; kept by the stream. */
  last: number;
  readonly #watch: RunWatch;
  readonly #leave: () => void;

  constructor(
    runId: string,
    { after, watch, leave }: { readonly after: number; readonly watch: RunWatch; readonly leave: () => void },
  ) {
    this.runId = runId;
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
