import { Client, credentials, Metadata, Server, type ServerReadableStream, status } from '@grpc/grpc-js';
import { peer, proofOf } from '@triptych/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { withResolvers } from '../group-aborted.ts';
import type { ProcessGroup } from '../process-group.ts';
import { listen, startHosts } from '../testing/worlds.ts';
import { type ConnectOptions, PeerHub } from './peer-hub.ts';

type Host = Awaited<ReturnType<typeof startHosts>>[number];

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.forceShutdown();
});

async function hosts(...options: Parameters<typeof startHosts>): Promise<Host[]> {
  const started = await startHosts(...options);
  servers.push(...started.map(({ server }) => server));
  return started;
}

function join(
  host: Host,
  options: Partial<ConnectOptions> & Pick<ConnectOptions, 'peers'>,
): Promise<ProcessGroup> {
  const { signal } = new AbortController();
  const generation = { runId: 'run', attempt: 1, generation: 1, secret: 'known to the ranks' };
  return host.hub.connect({ ...generation, rank: host.rank, signal, timeoutMs: 20_000, ...options });
}

describe('joining', () => {
  it('waits for a peer whose server is not there yet', async () => {
    const [first, late] = await hosts(2);
    late!.server.forceShutdown();
    const joining = join(first!, { peers: [first!, late!] });
    const server = new Server();
    servers.push(server);
    late!.hub.addTo(server);
    await listen(server, late!.address);
    const groups = await Promise.all([joining, join(late!, { peers: [first!, late!] })]);
    await Promise.all(groups.map((group) => group.barrier()));
  });

  it('keeps the call of a peer that is early', async () => {
    const hub = new PeerHub();
    const called = withResolvers<void>();
    const server = new Server();
    servers.push(server);
    const { send } = hub.service;
    hub.service.send = (call, answer) => {
      called.resolve();
      send(call, answer);
    };
    hub.addTo(server);
    const late: Host = { hub, server, rank: 0, address: `127.0.0.1:${await listen(server)}` };
    const [, early] = await hosts(2);
    const peers = [late, early!];
    const joining = join(early!, { peers });
    await called.promise;
    const groups = await Promise.all([joining, join(late, { peers })]);
    await Promise.all(groups.map((group) => group.barrier()));
  });

  it('tells an early peer to dial again when it has waited too long, and lets it in then', async () => {
    const peers = await hosts(2, { parkMs: 1 });
    const joining = join(peers[1]!, { peers });
    await expect(join(peers[1]!, { peers, runId: 'other', timeoutMs: 300 })).rejects.toThrow(/rank 0/);
    const groups = await Promise.all([joining, join(peers[0]!, { peers })]);
    await Promise.all(groups.map((group) => group.barrier()));
  });

  it('names the rank that does not come', async () => {
    const peers = await hosts(3);
    const joining = [peers[0]!, peers[1]!].map((host) => join(host, { peers, timeoutMs: 1500 }));
    for (const each of await Promise.allSettled(joining)) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'COLLECTIVE_ABORTED' } });
      expect((each as PromiseRejectedResult).reason.message).toMatch(
        /joining run run.*no link with rank 2 within/,
      );
    }
  });

  it('stops when its signal is aborted, and says why', async () => {
    const peers = await hosts(2);
    const controller = new AbortController();
    const joining = join(peers[0]!, { peers, signal: controller.signal });
    controller.abort(new Error('cancelled by the user'));
    await expect(joining).rejects.toMatchObject({
      code: 'COLLECTIVE_ABORTED',
      message: expect.stringMatching(/cancelled by the user/),
    });
  });

  it('refuses ranks that are not 0 to W - 1, and a generation that was joined before', async () => {
    const peers = await hosts(1);
    const gap = [
      { rank: 0, address: '' },
      { rank: 2, address: '' },
    ];
    await expect(join(peers[0]!, { peers: gap })).rejects.toThrow(/ranks 0,2 are not 0 to 1/);
    const group = await join(peers[0]!, { peers });
    await group.close();
    await expect(join(peers[0]!, { peers })).rejects.toThrow(/was joined before/);
  });
});

describe('what does not belong to the generation', () => {
  it('is refused when it comes from an earlier one, which the new one supersedes', async () => {
    const peers = await hosts(2);
    const old = await Promise.all(peers.map((host) => join(host, { peers })));
    const pending = old[0]!.barrier();
    const groups = await Promise.all(peers.map((host) => join(host, { peers, generation: 2 })));
    await expect(pending).rejects.toThrow(/superseded by run run, attempt 1, generation 2/);
    const [, straggler] = await hosts(2);
    await expect(join(straggler!, { peers })).rejects.toThrow(/run run, attempt 1, generation 1 is over/);
    await Promise.all(groups.map((group) => group.barrier()));
  });

  it('is refused when a rank is there already, or the address is another rank', async () => {
    const peers = await hosts(3);
    const groups = await Promise.all(peers.map((host) => join(host, { peers })));
    const [, impostor] = await hosts(2);
    await expect(join(impostor!, { peers })).rejects.toThrow(/rank 1 is already in run run/);
    const [, misled] = await hosts(2);
    const swapped = [{ rank: 0, address: peers[2]!.address }, misled!];
    await expect(join(misled!, { peers: swapped })).rejects.toThrow(/this is rank 2 of 3/);
    await Promise.all(groups.map((group) => group.barrier()));
  });

  it('is refused where it does not prove the secret of the generation, and disturbs nobody', async () => {
    const peers = await hosts(3);
    const groups = await Promise.all(peers.map((host) => join(host, { peers })));
    const pending = groups[0]!.allGather(Uint8Array.of(1));
    const [, stranger] = await hosts(3);
    const unproven = /does not prove that it is of rank 1 in run run/;
    await expect(join(stranger!, { peers, secret: 'another one' })).rejects.toThrow(unproven);
    // A rank of the generation, by what it says, that knows the secret of an earlier or a later one.
    const [, , old] = await hosts(3);
    await expect(join(old!, { peers, secret: 'known to the ranks of 0' })).rejects.toThrow(/does not prove/);
    const sum = await Promise.all([
      pending,
      ...groups.slice(1).map((group) => group.allGather(Uint8Array.of(1))),
    ]);
    expect(sum.map((parts) => Buffer.concat(parts).length)).toEqual([3, 3, 3]);
  });

  it.each([
    ['no proof at all', {}],
    ['the proof of another rank', { 'triptych-from-rank': '2' }],
    ['the proof for another generation', { 'triptych-attempt': '0' }],
  ])('is refused with %s before the group stands, too', async (_, changes) => {
    const [host, ...others] = await hosts(3);
    const peers = [host!, ...others];
    const statement = JSON.stringify(['dials', 'run', 1, 1, 1, 0, 3]);
    const metadata = new Metadata();
    const said = {
      ...{ 'triptych-run': 'run', 'triptych-attempt': '1', 'triptych-generation': '1' },
      ...{ 'triptych-from-rank': '1', 'triptych-to-rank': '0', 'triptych-world-size': '3' },
      ...changes,
    };
    for (const [key, value] of Object.entries(said)) metadata.set(key, value);
    if (Object.keys(changes).length > 0)
      metadata.set('triptych-proof', proofOf('known to the ranks', statement));
    const client = new Client(host!.address, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = peer.PeerLinkService.send;
    const refused = new Promise<status | undefined>((resolve) => {
      client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, (error) =>
        resolve(error?.code),
      );
    });
    const groups = await Promise.all(peers.map((each) => join(each, { peers })));
    await Promise.all(groups.map((group) => group.barrier()));
    client.close();
    expect([status.UNAUTHENTICATED, status.FAILED_PRECONDITION]).toContain(await refused);
  });

  it('is not sent to: what answers at an address must prove that it is the rank', async () => {
    const peers = await hosts(2);
    const impostor = new Server();
    servers.push(impostor);
    impostor.addService(peer.PeerLinkService, {
      send: (call: ServerReadableStream<peer.Frame, peer.SendResponse>) => {
        const accepted = new Metadata();
        accepted.set('triptych-accepted', '1');
        call.sendMetadata(accepted);
      },
    });
    const misled = [peers[0]!, { rank: 1, address: `127.0.0.1:${await listen(impostor)}` }];
    await expect(join(peers[0]!, { peers: misled })).rejects.toThrow(/is not rank 1 of this generation/);
  });

  it('never reaches a group of another run', async () => {
    const peers = await hosts(2);
    const groups = await Promise.all(peers.map((host) => join(host, { peers })));
    const [, stranger] = await hosts(2);
    const options = { peers, runId: 'other', timeoutMs: 300 };
    await expect(join(stranger!, options)).rejects.toThrow(/no link with rank 0 within 300 ms/);
    await Promise.all(groups.map((group) => group.barrier()));
  });
});

describe('a joined group', () => {
  it('is aborted on every rank by the signal of one', async () => {
    const peers = await hosts(3);
    const controllers = peers.map(() => new AbortController());
    const groups = await Promise.all(
      peers.map((host) => join(host, { peers, signal: controllers[host.rank]!.signal })),
    );
    const pending = [groups[0]!, groups[2]!].map((group) => group.barrier());
    controllers[1]!.abort(new Error('leaving'));
    for (const each of await Promise.allSettled(pending)) {
      expect((each as PromiseRejectedResult).reason.message).toMatch(/rank 1 broke the group: leaving/);
    }
  });

  it('is aborted on every rank when the connections of one are cut', async () => {
    const peers = await hosts(3);
    const groups = await Promise.all(peers.map((host) => join(host, { peers })));
    const pending = Promise.allSettled(groups.map((group) => group.allGather(new Uint8Array(20_000_000))));
    peers[1]!.server.forceShutdown();
    for (const each of await pending) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'COLLECTIVE_ABORTED' } });
    }
  });

  it('does not send more than the receiver takes, and loses nothing', async () => {
    const peers = await hosts(2);
    const [sender, receiver] = await Promise.all(peers.map((host) => join(host, { peers })));
    const others = await Promise.all(peers.map((host) => join(host, { peers, runId: 'other' })));
    const bytes = new Uint8Array(40_000_000);
    for (let index = 0; index < bytes.length; index += 1000) bytes[index] = index / 1000;
    const sending = sender!.broadcast(bytes, 0);
    // Hundreds of round trips between the same processes: time enough to send it all, were nothing holding it back.
    for (let round = 0; round < 200; round++) await Promise.all(others.map((group) => group.barrier()));
    expect(sender!.traffic.bytesSent).toBeLessThan(16_000_000);
    const received = await receiver!.broadcast(undefined, 0);
    await sending;
    expect(Buffer.compare(received, bytes)).toBe(0);
  });
});
