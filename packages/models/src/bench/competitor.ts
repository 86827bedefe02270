/** The benchmark's handle on one competitor: a child process that answers orders one at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ChildOrder, Generated, GenerateOrder, Ready, Trained } from './messages.ts';

export interface CompetitorOptions {
  readonly name: string;
  readonly program: string;
  readonly parameters: readonly string[];
}

export class Competitor {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor({ name, program, parameters }: CompetitorOptions) {
    this.name = name;
    this.#child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Resolves when the model is built. */
  static async start(options: CompetitorOptions): Promise<{ competitor: Competitor; engine: string }> {
    const competitor = new Competitor(options);
    const { engine } = await competitor.#answer<Ready>();
    return { competitor, engine };
  }

  async train(steps: number): Promise<Trained> {
    return await this.#obey<Trained>({ kind: 'train', steps });
  }

  async generate(order: Omit<GenerateOrder, 'kind'>): Promise<Generated> {
    return await this.#obey<Generated>({ kind: 'generate', ...order });
  }

  stop(): void {
    this.#child.kill();
  }

  async #obey<T>(order: ChildOrder): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`);
    return await this.#answer<T>();
  }

  async #answer<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.name} ended without an answer`);
    return JSON.parse(value) as T;
  }
}
