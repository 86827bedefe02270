import { Client, credentials, Server } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { listen } from '../testing/worlds.ts';
import { peerLinkDefinition } from './frame-codec.ts';
import { widenReceiveWindow } from './receive-window.ts';

it('finds the HTTP/2 session of a call in this version of grpc-js', async () => {
  const server = new Server();
  const widened: boolean[] = [];
  server.addService(peerLinkDefinition, {
    send: (call: object, answer: (error: null, response: object) => void) => {
      widened.push(widenReceiveWindow(call));
      answer(null, {});
    },
  });
  const client = new Client(`127.0.0.1:${await listen(server)}`, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = peerLinkDefinition.send;
  await new Promise((resolve) => {
    client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, resolve);
  });
  client.close();
  server.forceShutdown();
  expect(widened).toEqual([true]);
});

it('leaves a call alone that it does not understand', () => {
  expect(widenReceiveWindow({})).toBe(false);
});
