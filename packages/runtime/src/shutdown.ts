/** How a process ends: everything it opened is closed in the reverse order of opening, within a time limit. */
import type { Logger } from './logger.ts';

export interface ShutdownOptions {
  readonly logger: Logger;
  /** For all closers together; 10 s by default, which is what `docker stop` grants. */
  readonly timeoutMs?: number;
  /** Ends the process; replaced in tests. */
  readonly exit?: (code: number) => void;
}

export type Close = () => void | Promise<void>;

/**
 * Exit codes: 0 all closed, 1 a closer failed or the time ran out, 130 a second signal came while closing.
 * A closer that fails does not keep the ones after it from running.
 */
export class Shutdown {
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  readonly #exit: (code: number) => void;
  readonly #closers: { readonly name: string; readonly close: Close }[] = [];
  readonly #controller = new AbortController();
  #running: Promise<number> | undefined;

  constructor({ logger, timeoutMs = 9_000, exit = (code) => process.exit(code) }: ShutdownOptions) {
    this.#logger = logger;
    this.#timeoutMs = timeoutMs;
    this.#exit = exit;
  }

  /** Aborted when the end begins, with the reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Registered last, closed first. */
  register(name: string, close: Close): void {
    this.#closers.push({ name, close });
  }

  /** From here on SIGTERM and SIGINT end the process in order. */
  listen(): void {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (this.#running) this.#exit(130);
        else void this.run(name).then(this.#exit);
      });
    }
  }

  /** Closes everything once, however often it is called, and resolves to the exit code. It does not exit. */
  run(reason: string): Promise<number> {
    this.#running ??= this.#close(reason);
    return this.#running;
  }

  async #close(reason: string): Promise<number> {
    this.#logger.info({ event: 'stopping', reason }, `Stopping: ${reason}`);
    this.#controller.abort(new Error(`The process is stopping: ${reason}`));
    const progress = { at: 'nothing', failures: 0 };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, this.#timeoutMs, 'late');
    });
    try {
      const outcome = await Promise.race([this.#closeAll(progress), late]);
      if (outcome === 'late') {
        this.#logger.error(
          { event: 'stop-timeout', closer: progress.at, timeoutMs: this.#timeoutMs },
          `Closing ${progress.at} took too long`,
        );
        return 1;
      }
    } finally {
      clearTimeout(timer);
    }
    this.#logger.info({ event: 'stopped', failures: progress.failures }, 'Stopped');
    return progress.failures > 0 ? 1 : 0;
  }

  async #closeAll(progress: { at: string; failures: number }): Promise<void> {
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      progress.at = closer.name;
      try {
        await closer.close();
      } catch (err) {
        progress.failures += 1;
        this.#logger.error(
          { event: 'close-failed', closer: closer.name, err },
          `Closing ${closer.name} failed`,
        );
      }
    }
  }
}
