import { expect, it, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { Shutdown } from './shutdown.ts';

const logger = createLogger({ name: 'test', level: 'silent' });

it('closes in reverse order, one after the other, once', async () => {
  const order: string[] = [];
  const shutdown = new Shutdown({ logger });
  shutdown.register('database', () => {
    order.push('database');
  });
  shutdown.register('server', async () => {
    await Promise.resolve();
    order.push('server');
  });
  expect(shutdown.signal.aborted).toBe(false);
  expect(await Promise.all([shutdown.run('SIGTERM'), shutdown.run('SIGINT')])).toEqual([0, 0]);
  expect(order).toEqual(['server', 'database']);
  expect(shutdown.signal.reason).toMatchObject({ message: 'The process is stopping: SIGTERM' });
});

it('goes on after a closer that fails, and says so in the exit code', async () => {
  const closed = vi.fn();
  const shutdown = new Shutdown({ logger });
  shutdown.register('database', closed);
  shutdown.register('server', () => Promise.reject(new Error('busy')));
  shutdown.register('queue', () => {
    throw new Error('broken');
  });
  expect(await shutdown.run('test')).toBe(1);
  expect(closed).toHaveBeenCalledOnce();
});

it('gives up on a closer that hangs, and names it', async () => {
  const lines: string[] = [];
  const shutdown = new Shutdown({
    logger: createLogger({ name: 'test', stream: { write: (line) => lines.push(line) } }),
    timeoutMs: 20,
  });
  shutdown.register('queue', () => new Promise(() => {}));
  expect(await shutdown.run('test')).toBe(1);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: 'stop-timeout', closer: 'queue', timeoutMs: 20 });
});

it('ends the process on a signal, and at once on a second one', async () => {
  const codes: number[] = [];
  let release = (): void => {};
  const ended = new Promise<void>((resolve) => {
    release = resolve;
  });
  const before = { SIGTERM: process.listeners('SIGTERM'), SIGINT: process.listeners('SIGINT') };
  const shutdown = new Shutdown({ logger, exit: (code) => codes.push(code) });
  shutdown.register('server', () => ended);
  shutdown.listen();
  process.emit('SIGTERM');
  process.emit('SIGINT');
  expect(codes).toEqual([130]);
  release();
  await shutdown.run('already running');
  await vi.waitFor(() => expect(codes).toEqual([130, 0]));
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    for (const listener of process.listeners(name)) {
      if (!before[name].includes(listener)) process.off(name, listener);
    }
  }
});
