import { readEnvironment } from '@triptych/runtime';
import { expect, test } from 'vitest';
import { ControlPlaneEnvironment, connectionsOf } from './config.ts';

const connections = (env: Record<string, string>) =>
  connectionsOf(readEnvironment(ControlPlaneEnvironment, { ARTIFACTS_URL: 'file:///tmp/artifacts', ...env }));

const database = 'postgres://triptych@postgres:5432/triptych?sslmode=disable';

test('passwords may come on their own, whatever letters they have', () => {
  const hard = 'a b/@:%?#';
  const { databaseUrl, queueUrl } = connections({
    ...{ DATABASE_URL: database, DATABASE_PASSWORD: hard },
    ...{ QUEUE_URL: 'redis://redis:6379', QUEUE_PASSWORD: 'q' },
  });
  expect(decodeURIComponent(new URL(databaseUrl).password)).toBe(hard);
  expect(databaseUrl.replace(/:[^:@]*@/, '@')).toBe(database);
  expect(queueUrl).toBe('redis://:q@redis:6379');
});

test('the queue is in the database where nothing else is said', () => {
  expect(connections({ DATABASE_URL: database })).toEqual({ databaseUrl: database, queueUrl: database });
  const { databaseUrl, queueUrl } = connections({ DATABASE_URL: database, DATABASE_PASSWORD: 'p' });
  expect(queueUrl).toBe(databaseUrl);
});

test.each([
  ['DATABASE_URL', { DATABASE_URL: 'postgres://a:b@db/x', DATABASE_PASSWORD: 'p' }],
  ['DATABASE_URL', { DATABASE_URL: 'postgres:///x?host=/run/postgresql', DATABASE_PASSWORD: 'p' }],
  ['QUEUE_URL', { DATABASE_URL: database, QUEUE_URL: 'redis://:b@redis', QUEUE_PASSWORD: 'p' }],
])('a password that would be lost or overwritten is refused: %s of %o', (path, env) => {
  expect(() => connections(env)).toThrow(path);
});
