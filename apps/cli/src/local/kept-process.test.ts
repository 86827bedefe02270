import { expect, test } from 'vitest';
import { KeptProcess, type Life } from './kept-process.ts';
import type { StackEvent } from './options.ts';

/** A process that is ready at once, unless it ends before, and that ends when told. */
class ScriptedLife implements Life {
  readonly died: Promise<boolean>;
  readonly #isBorn: boolean;
  #end = (_: boolean): void => {};

  constructor(isBorn: boolean) {
    this.#isBorn = isBorn;
    this.died = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (!isBorn) this.die();
  }

  async ready(): Promise<void> {
    if (!this.#isBorn) throw new Error('ended before it was ready');
  }

  die(): void {
    this.#end(true);
  }

  async end(): Promise<void> {
    this.#end(false);
  }
}

function keep(births: readonly boolean[]) {
  const lives: ScriptedLife[] = [];
  const events: StackEvent[] = [];
  const stopping = new AbortController();
  let ready = 0;
  const kept = new KeptProcess({
    name: 'thing',
    begin: () => {
      const life = new ScriptedLife(births[lives.length] ?? true);
      lives.push(life);
      return life;
    },
    signal: stopping.signal,
    onEvent: (event) => events.push(event),
    onReady: () => {
      ready += 1;
    },
    firstPauseMs: 2,
  });
  return { kept, lives, events, stopping, readyTimes: () => ready };
}

test('what ends by itself is started again, at growing distances, until it is ready', async () => {
  const { kept, lives, events, readyTimes } = keep([true, false, false, true]);
  await kept.start();
  lives[0]?.die();
  await expect.poll(readyTimes).toBe(2);
  expect(lives).toHaveLength(4);
  expect(events).toEqual(
    [2, 4, 8].map((ms) => ({ kind: 'restarting', process: 'thing', seconds: ms / 1000 })),
  );
  expect(kept.life).toBe(lives[3]);
  await kept.end('SIGTERM');
});

test('what was told to end stays ended', async () => {
  const { kept, lives, events } = keep([]);
  await kept.start();
  await kept.end('SIGTERM');
  expect(lives).toHaveLength(1);
  expect(events).toEqual([]);
});

test('the end of the stack ends the pause before the next start', async () => {
  const { kept, lives, events, stopping } = keep([true, ...Array<boolean>(20).fill(false)]);
  await kept.start();
  lives[0]?.die();
  await expect.poll(() => events.length).toBeGreaterThan(6);
  stopping.abort(new Error('Ctrl-C'));
  await kept.end('SIGTERM');
  const begun = lives.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(lives).toHaveLength(begun);
});

test('a first start that fails is the caller’s to tell', async () => {
  const { kept, lives } = keep([false]);
  await expect(kept.start()).rejects.toThrow('ended before it was ready');
  expect(lives).toHaveLength(1);
});
