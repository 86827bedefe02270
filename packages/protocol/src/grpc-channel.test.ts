import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { ClientSource, channelOptions } from './grpc-channel.ts';

const CONNECT_MS = 100;

const sourceFor = (port: number) =>
  new ClientSource(() => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channelOptions), {
    connectMs: CONNECT_MS,
  });

const call = (client: Client): Promise<ServiceError | null> =>
  new Promise((resolve) => {
    const same = (content: Buffer) => content;
    client.makeUnaryRequest('/nothing/Nothing', same, same, Buffer.alloc(0), resolve);
  });

test('where something accepts and says nothing, the call ends, and the next one has another client', async () => {
  const mute = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const source = sourceFor((mute.address() as AddressInfo).port);
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
  const source = sourceFor(port);
  try {
    const { client } = source;
    expect(await call(client)).toMatchObject({ code: status.UNIMPLEMENTED });
    await new Promise((resolve) => setTimeout(resolve, 2 * CONNECT_MS));
    expect(source.client).toBe(client);
    source.renew();
    expect(await call(source.client)).toMatchObject({ code: status.UNIMPLEMENTED });
  } finally {
    source.close();
    server.forceShutdown();
  }
  expect(() => source.client).toThrow(/closed/);
});
