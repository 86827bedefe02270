import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { ClientSource, channelOptions } from './grpc-channel.ts';

const sourceFor = (port: number, connectMs: number) =>
  new ClientSource(() => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channelOptions), {
    connectMs,
  });

const call = (client: Client): Promise<ServiceError | null> =>
  new Promise((resolve) => {
    const same = (content: Buffer) => content;
    client.makeUnaryRequest('/nothing/Nothing', same, same, Buffer.alloc(0), resolve);
  });

test('where something accepts and says nothing, the call ends, and the next one has another client', async () => {
  const mute = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const source = sourceFor((mute.address() as AddressInfo).port, 100);
  try {
    const first = source.client;
    expect(await call(first)).toMatchObject({ code: status.UNAVAILABLE });
    expect(source.client).not.toBe(first);
  } finally {
    source.close();
    mute.close();
  }
});

test('one that is connected stays, and after the end there is none', async () => {
  const server = new Server();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const connectMs = Math.max(100, 10 * (await connectingMs(port)));
  const source = sourceFor(port, connectMs);
  try {
    const { client } = source;
    expect(await call(client)).toMatchObject({ code: status.UNIMPLEMENTED });
    await new Promise((resolve) => setTimeout(resolve, 1.5 * connectMs));
    expect(source.client).toBe(client);
    source.renew();
    expect(await call(source.client)).toMatchObject({ code: status.UNIMPLEMENTED });
  } finally {
    source.close();
    server.forceShutdown();
  }
  expect(() => source.client).toThrow(/closed/);
});

/** What a connection takes here and now: on a machine that is busy, much more than on another. */
async function connectingMs(port: number): Promise<number> {
  const source = sourceFor(port, 60_000);
  const began = performance.now();
  await call(source.client);
  source.close();
  return performance.now() - began;
}
