import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Order } from '../bench/messages.ts';
import { startHosts } from '../testing/worlds.ts';

/** A rank in a process of its own, from the built package: the one that the benchmark uses. */
const rankProgram = fileURLToPath(new URL('../../dist/bench/rank.js', import.meta.url));

it('aborts the survivors at once when the process of a rank is killed, and names it', async () => {
  const hosts = await startHosts(2);
  const child: ChildProcess = fork(rankProgram, { execArgv: [] });
  try {
    const [{ result: ports }] = await once(child, 'message');
    const grpcPorts = [...hosts.map(({ address }) => Number(address.split(':')[1])), ports.grpcPort];
    child.send({ kind: 'joinGroup', rank: 2, grpcPorts } satisfies Order);
    const peers = grpcPorts.map((port, rank) => ({ rank, address: `127.0.0.1:${port}` }));
    const groups = await Promise.all(
      hosts.map(({ hub, rank }) => {
        const { signal } = new AbortController();
        return hub.connect({
          secret: 'bench',
          runId: 'bench',
          attempt: 1,
          generation: 1,
          rank,
          peers,
          signal,
        });
      }),
    );
    const pending = Promise.allSettled(groups.map((group) => group.allGather(new Uint8Array(5_000_000))));
    child.kill('SIGKILL');
    for (const each of await pending) {
      expect(each).toMatchObject({
        status: 'rejected',
        reason: { code: 'COLLECTIVE_ABORTED', message: expect.stringMatching(/rank 2 broke the group/) },
      });
    }
  } finally {
    child.kill('SIGKILL');
    for (const { server } of hosts) server.forceShutdown();
  }
});
