import { TriptychError } from '@triptych/protocol';
import { expect, it } from 'vitest';
import { createLogger } from './logger.ts';

it('writes one JSON line an event, with the code and cause of an error', () => {
  const lines: string[] = [];
  const logger = createLogger({ name: 'worker', stream: { write: (line) => lines.push(line) } });
  logger.debug('below the level');
  logger.info({ event: 'listening', port: 8090 }, 'Worker listens');
  const cause = new Error('ECONNRESET');
  logger.error({ event: 'lost', err: new TriptychError('WORKER_LOST', 'Rank 1 is gone', { cause }) });
  expect(lines).toHaveLength(2);
  const [listening, lost] = lines.map((line) => JSON.parse(line));
  expect(listening).toMatchObject({ level: 'info', name: 'worker', event: 'listening', port: 8090 });
  expect(new Date(listening.time).toISOString()).toBe(listening.time);
  expect(lost.err).toMatchObject({
    type: 'TriptychError',
    code: 'WORKER_LOST',
    message: 'Rank 1 is gone',
    cause: { message: 'ECONNRESET' },
  });
  expect(lost.err.violations).toBeUndefined();
});
