/** A Redis for tests: `REDIS_URL` where it is set, else a `redis-server` of our own on a free port, else nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export interface TestRedis {
  readonly url: string;
  close(): Promise<void>;
}

export const redisIsHere = (): boolean =>
  Boolean(process.env['REDIS_URL']) || spawnSync('redis-server', ['--version']).status === 0;

export async function startRedis(): Promise<TestRedis> {
  const shared = process.env['REDIS_URL'];
  if (shared) return { url: shared, close: async () => {} };
  const port = await freePort();
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(server, 'exit');
  for await (const chunk of server.stdout) if (String(chunk).includes('Ready to accept')) break;
  return {
    url: `redis://127.0.0.1:${port}`,
    close: async () => {
      server.kill('SIGKILL');
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
