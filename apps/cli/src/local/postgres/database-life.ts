/** One life of the embedded PostgreSQL, from the start of its guard to its end: what the stack keeps going. */
import type { Life } from '../kept-process.ts';
import type { StackEvent } from '../options.ts';
import { type Database, type DatabaseOptions, startDatabase } from './database.ts';

export class DatabaseLife implements Life {
  readonly #database: Promise<Database>;

  constructor(options: DatabaseOptions, tell: (event: StackEvent) => void) {
    const began = performance.now();
    tell({ kind: 'starting', process: 'postgres' });
    this.#database = startDatabase(options);
    this.#database.then(
      ({ pid, died }) => {
        const seconds = (performance.now() - began) / 1000;
        tell({ kind: 'ready', process: 'postgres', pid, seconds });
        void died.then((byItself) => tell({ kind: 'exited', process: 'postgres', pid, expected: !byItself }));
      },
      () => undefined,
    );
  }

  ready(): Promise<Database> {
    return this.#database;
  }

  get died(): Promise<boolean> {
    return this.#database.then(
      ({ died }) => died,
      () => true,
    );
  }

  end(): Promise<void> {
    return this.#database.then(
      (database) => database.stop(),
      () => undefined,
    );
  }
}
