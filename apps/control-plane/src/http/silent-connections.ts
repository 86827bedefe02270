/**
 * Connections over which nothing was ever asked: browsers and HTTP clients open some in advance. Node counts them neither as idle
 * nor as busy, so a server that closes would wait for them as long as for a request that is slow to come.
 */
import type { Socket } from 'node:net';
import type { App } from './app.ts';

export function endSilentConnections(app: App): void {
  const silent = new Set<Socket>();
  let isClosing = false;
  app.server.on('connection', (socket: Socket) => {
    if (isClosing) socket.destroy();
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  app.server.on('request', ({ socket }) => silent.delete(socket));
  app.addHook('preClose', async () => {
    isClosing = true;
    for (const socket of silent) socket.destroy();
  });
}
