/** The user's wish to end: Ctrl-C or SIGTERM asks, a second one insists. */

const INSISTED = 130;
/** One Ctrl-C arrives more than once: from the terminal, from npm, from a script in between. */
const SAME_WISH_MS = 1_000;

export class Ending implements Disposable {
  readonly #controller = new AbortController();
  readonly #requested: Promise<void>;
  readonly #listener: (name: NodeJS.Signals) => void;

  constructor() {
    let resolve: () => void;
    let askedAt = 0;
    this.#requested = new Promise((onRequest) => {
      resolve = onRequest;
    });
    this.#listener = (name) => {
      // The processes of a stack die with this one, so leaving at once leaves nothing behind.
      if (this.#controller.signal.aborted) {
        if (performance.now() - askedAt > SAME_WISH_MS) process.exit(INSISTED);
        return;
      }
      askedAt = performance.now();
      this.#controller.abort(new Error(`Stopped by ${name}`));
      resolve();
    };
    for (const name of ENDING_SIGNALS) process.on(name, this.#listener);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves with the first signal. */
  get requested(): Promise<void> {
    return this.#requested;
  }

  dispose(): void {
    for (const name of ENDING_SIGNALS) process.off(name, this.#listener);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
