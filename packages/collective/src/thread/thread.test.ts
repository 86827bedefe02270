import { MessageChannel, Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { memoryGroups } from '../memory/memory-transport.ts';
import { treeSum } from '../naive.ts';
import { ShardAccumulator, sharedVector } from '../shard-accumulator.ts';
import { awkwardVectors, bitsOf } from '../testing/awkward-numbers.ts';
import { connectGroup } from './connect-group.ts';
import { exposeGroup } from './expose-group.ts';

function pair() {
  const [group, other] = memoryGroups(2);
  const { port1, port2 } = new MessageChannel();
  exposeGroup(group!, port1);
  return { remote: connectGroup(port2, { rank: 0, worldSize: 2 }), other: other!, port2 };
}

describe('a group across a port', () => {
  it('writes into the very memory of the vector', async () => {
    const { remote, other } = pair();
    const gradients = awkwardVectors({ seed: 1, count: 2, length: 100 });
    const results = [sharedVector(100), new Float32Array(100)];
    await Promise.all(
      [remote, other].map((group, rank) => {
        const sums = new ShardAccumulator({ shards: 2, start: rank, end: rank + 1, length: 100 });
        sums.add(rank, gradients[rank]!);
        return group.allReduceShards(sums, results[rank]!);
      }),
    );
    for (const result of results) expect(bitsOf(result)).toEqual(bitsOf(treeSum(gradients)));
    expect(remote.traffic).toEqual({ bytesSent: 16 + 400, bytesReceived: 16 + 400 });
  });

  it('takes vectors outside shared memory too', async () => {
    const { remote, other } = pair();
    const sums = (start: number) => {
      const sum = Float32Array.of(start + 1, 2);
      return { shards: 2, start, end: start + 1, length: 2, nodes: [{ start, end: start + 1, sum }] };
    };
    const out = new Float32Array(2);
    await Promise.all([
      remote.allReduceShards(sums(0), out),
      other.allReduceShards(sums(1), new Float32Array(2)),
    ]);
    expect([...out]).toEqual([3, 4]);
  });

  it('aborts the group when the compute thread goes away', async () => {
    const { other, port2 } = pair();
    const waiting = other.barrier();
    port2.close();
    await expect(waiting).rejects.toMatchObject({
      code: 'COLLECTIVE_ABORTED',
      message: expect.stringMatching(/rank 0 broke the group: the compute thread is gone/),
    });
  });

  it('rejects what is pending when the main thread goes away', async () => {
    const [group] = memoryGroups(2);
    const { port1, port2 } = new MessageChannel();
    exposeGroup(group!, port1);
    const remote = connectGroup(port2, { rank: 0, worldSize: 2 });
    const waiting = remote.barrier();
    port1.close();
    await expect(waiting).rejects.toMatchObject({ code: 'COLLECTIVE_ABORTED' });
    await expect(remote.barrier()).rejects.toMatchObject({ code: 'COLLECTIVE_ABORTED' });
  });

  it('ends the ports with the group, without aborting the others', async () => {
    const { remote, other, port2 } = pair();
    const closed = new Promise((resolve) => port2.once('close', resolve));
    await Promise.all([remote.barrier(), other.barrier()]);
    await Promise.all([remote.close(), closed]);
    await expect(other.barrier()).rejects.toThrow(/rank 0 has closed its group/);
  });

  it('serves a real thread that blocks between operations', async () => {
    const [group, other] = memoryGroups(2);
    const { port1, port2 } = new MessageChannel();
    exposeGroup(group!, port1);
    const worker = new Worker(computeThread, {
      eval: true,
      // The built package resolves to built packages, not to the sources that the tests run from.
      execArgv: [],
      workerData: { port: port2 },
      transferList: [port2],
    });
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    const sums = new ShardAccumulator({ shards: 2, start: 1, end: 2, length: 3 });
    sums.add(1, Float32Array.of(1, 2, 3));
    const out = new Float32Array(3);
    await other!.allReduceShards(sums, out);
    expect([...out]).toEqual([11, 22, 33]);
    const [echo] = await other!.allGather(Uint8Array.of(1));
    expect([...new Float32Array(echo!.slice().buffer)]).toEqual([11, 22, 33]);
    expect(await exited).toBe(0);
  });
});

/** Runs from the built package, as threads do. */
const computeThread = `
  const { workerData: { port } } = require('node:worker_threads');
  import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(async (collective) => {
    const group = collective.connectGroup(port, { rank: 0, worldSize: 2 });
    const sums = new collective.ShardAccumulator({ shards: 2, start: 0, end: 1, length: 3 });
    sums.add(0, Float32Array.of(10, 20, 30));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    const out = collective.sharedVector(3);
    await group.allReduceShards(sums, out);
    await group.allGather(new Uint8Array(out.buffer.slice(0)));
    await group.close();
  });
`;
