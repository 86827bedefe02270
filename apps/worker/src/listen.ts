/** Opens the worker's one gRPC port: trainer and links between ranks. */
import { promisify } from 'node:util';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { formatHostPort, TriptychError } from '@triptych/protocol';

/**
 * On the first of the hosts that this machine has.
 * @returns the port, which may have been chosen
 * @throws TriptychError `UNAVAILABLE`
 */
export async function listen(
  server: Server,
  { hosts, port, credentials }: { hosts: readonly string[]; port: number; credentials: ServerCredentials },
): Promise<number> {
  const bind = promisify(server.bindAsync.bind(server));
  const failures: Error[] = [];
  for (const host of hosts) {
    const bound = await bind(formatHostPort(host, port), credentials).catch((cause: Error) => {
      failures.push(cause);
    });
    if (bound !== undefined) return bound;
  }
  const [cause] = failures;
  throw new TriptychError(
    'UNAVAILABLE',
    `Cannot listen on ${formatHostPort(hosts[0] ?? '', port)}: ${cause?.message}; choose another TRIPTYCH_WORKER_HOST or TRIPTYCH_WORKER_PORT, or 0 for a free one`,
    { cause },
  );
}
