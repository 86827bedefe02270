/** Ways to join several ranks in one process: the implementations that the contract suites loop over. */
import { MessageChannel } from 'node:worker_threads';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { drawSecret } from '@triptych/protocol';
import { PeerHub } from '../grpc/peer-hub.ts';
import { Faults } from '../memory/faults.ts';
import { memoryGroups } from '../memory/memory-transport.ts';
import type { ProcessGroup } from '../process-group.ts';
import { connectGroup } from '../thread/connect-group.ts';
import { exposeGroup } from '../thread/expose-group.ts';

export interface World {
  readonly groups: readonly ProcessGroup[];
  /** Takes a rank away as a crash would: no reason is given. Absent where the implementation cannot. */
  readonly kill?: (rank: number) => void;
  readonly dispose: () => void;
}

export type MakeWorld = (worldSize: number) => Promise<World>;

export const worlds: Readonly<Record<string, MakeWorld>> = {
  memory: async (worldSize) => ({ groups: memoryGroups(worldSize, { chunkBytes: 1000 }), dispose: () => {} }),
  'memory with reordered frames': async (worldSize) => {
    const faults = new Faults({ seed: 11, reorder: true });
    return { groups: memoryGroups(worldSize, { faults, chunkBytes: 1000 }), dispose: () => {} };
  },
  gRPC: grpcWorld,
  'threads over gRPC': (worldSize) => grpcWorld(worldSize).then(throughPorts),
};

/** One server and hub for each rank, as each worker process has. */
export async function startHosts(count: number, hubOptions: ConstructorParameters<typeof PeerHub>[0] = {}) {
  return Promise.all(
    Array.from({ length: count }, async (_, rank) => {
      const hub = new PeerHub(hubOptions);
      const server = new Server();
      hub.addTo(server);
      return { hub, server, rank, address: `127.0.0.1:${await listen(server)}` };
    }),
  );
}

export function listen(server: Server, address = '127.0.0.1:0'): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

async function grpcWorld(worldSize: number): Promise<World> {
  const hosts = await startHosts(worldSize);
  const secret = drawSecret();
  const lives = hosts.map(() => new AbortController());
  const groups = await Promise.all(
    hosts.map(({ hub, rank }) =>
      hub.connect({
        runId: 'run',
        attempt: 1,
        generation: 1,
        rank,
        secret,
        peers: hosts,
        signal: lives[rank]!.signal,
        timeoutMs: 20_000,
      }),
    ),
  );
  return {
    groups,
    kill: (rank) => hosts[rank]!.server.forceShutdown(),
    dispose: () => {
      for (const { server } of hosts) server.forceShutdown();
    },
  };
}

function throughPorts(world: World): World {
  const groups = world.groups.map((group) => {
    const { port1, port2 } = new MessageChannel();
    exposeGroup(group, port1);
    return connectGroup(port2, { rank: group.rank, worldSize: group.worldSize });
  });
  return { ...world, groups };
}
