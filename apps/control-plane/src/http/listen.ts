/** Opens the server to the network. */
import type { AddressInfo } from 'node:net';
import { bareHost, formatHostPort, TriptychError } from '@triptych/protocol';
import type { App } from './app.ts';

/** The port, which may have been chosen. `UNAVAILABLE` where the address cannot be had. */
export async function listen(app: App, { host, port }: { host: string; port: number }): Promise<number> {
  try {
    await app.listen({ host: bareHost(host), port });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const remedy = 'choose another TRIPTYCH_HTTP_HOST or TRIPTYCH_HTTP_PORT, or --port of "triptych local"';
    throw new TriptychError(
      'UNAVAILABLE',
      `Cannot listen on ${formatHostPort(host, port)}: ${why}; ${remedy}`,
      {
        cause,
      },
    );
  }
  return (app.server.address() as AddressInfo).port;
}
