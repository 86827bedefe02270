/** The benchmark's handle on one rank: a child process that answers orders one at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Order, RankAddress } from './messages.ts';

export class RankProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./rank.js', import.meta.url)));
  readonly #first: Promise<unknown> = this.#answer();

  async addresses(): Promise<RankAddress> {
    return (await this.#first) as RankAddress;
  }

  async ask<T>(order: Order): Promise<T> {
    const answer = this.#answer();
    this.#child.send(order);
    return (await answer) as T;
  }

  stop(): void {
    this.#child.kill();
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`a rank exited with ${code}`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (answer: Answer) => {
        this.#child.off('exit', onExit);
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer.result);
      });
    });
  }
}
