/** One rank of the benchmark, started by `rank-process.ts`. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { PeerHub } from '../grpc/peer-hub.ts';
import { treeSum } from '../naive.ts';
import type { ProcessGroup } from '../process-group.ts';
import { ShardAccumulator, sharedVector } from '../shard-accumulator.ts';
import { balancedRange } from '../shard-range.ts';
import type { Answer, CellResult, Order } from './messages.ts';
import { TcpMesh } from './tcp-mesh.ts';

const hub = new PeerHub();
const server = new Server();
hub.addTo(server);
const mesh = new TcpMesh();
let group: ProcessGroup | undefined;

process.on('disconnect', () => process.exit(1));
process.on('message', (order: Order) => {
  obey(order).then(
    (result) => answer({ result }),
    (error: Error) => answer({ error: error.stack ?? error.message }),
  );
});
answer({ result: { grpcPort: await listen(), tcpPort: await mesh.listen() } });

function answer(message: Answer): void {
  process.send!(message);
}

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'joinGroup': {
      const { rank, grpcPorts } = order;
      const peers = grpcPorts.map((port, peer) => ({ rank: peer, address: `127.0.0.1:${port}` }));
      const { signal } = new AbortController();
      group = await hub.connect({
        secret: 'bench',
        runId: 'bench',
        attempt: 1,
        generation: 1,
        rank,
        peers,
        signal,
      });
      return undefined;
    }
    case 'joinMesh':
      return mesh.join({ rank: order.rank, ports: order.tcpPorts });
    case 'measure':
      return measure(group!, order);
    case 'leave':
      return group!.close();
  }
}

async function measure(
  ranks: ProcessGroup,
  order: { floats: number; maxIterations: number; budgetMs: number },
): Promise<CellResult> {
  const { floats, maxIterations, budgetMs } = order;
  const { rank, worldSize } = ranks;
  const sums = new ShardAccumulator({ shards: worldSize, start: rank, end: rank + 1, length: floats });
  sums.add(rank, shardSlice({ shard: rank, from: 0, to: floats }));
  const out = sharedVector(floats);
  await ranks.allReduceShards(sums, out);
  check(out, worldSize);

  const node = sums.nodes[0]!.sum;
  const segments = Array.from({ length: worldSize }, (_, part) => {
    const { start, end } = balancedRange({ part, parts: worldSize, count: floats });
    return new Uint8Array(node.buffer, start * 4, (end - start) * 4);
  });
  const allReduceMs: number[] = [];
  const tcpMs: number[] = [];
  let iterations = maxIterations;
  // The first round warms up.
  for (let round = 0; round <= iterations; round++) {
    await ranks.barrier();
    const allReduce = await millisecondsOf(() => ranks.allReduceShards(sums, out));
    await ranks.barrier();
    const tcp = await millisecondsOf(() => mesh.exchange(segments));
    if (round === 0) {
      const roundMs = await slowest(ranks, allReduce + tcp);
      iterations = Math.min(maxIterations, Math.max(3, Math.floor(budgetMs / roundMs)));
      continue;
    }
    allReduceMs.push(allReduce);
    tcpMs.push(tcp);
  }
  return { allReduceMs, tcpMs };
}

/** The largest of everyone's values, so that all ranks decide alike. */
async function slowest(ranks: ProcessGroup, value: number): Promise<number> {
  const gathered = await ranks.allGather(new Uint8Array(Float64Array.of(value).buffer));
  return Math.max(...gathered.map((bytes) => new Float64Array(bytes.slice().buffer)[0]!));
}

/** Against the naive sum in blocks, so that 100 MB need no more memory than they must. */
function check(out: Float32Array, shards: number): void {
  const blockFloats = 1 << 18;
  for (let from = 0; from < out.length; from += blockFloats) {
    const to = Math.min(from + blockFloats, out.length);
    const expected = treeSum(Array.from({ length: shards }, (_, shard) => shardSlice({ shard, from, to })));
    for (let index = from; index < to; index++) {
      if (Object.is(out[index], expected[index - from])) continue;
      throw new Error(`element ${index} is ${out[index]}, expected ${expected[index - from]}`);
    }
  }
}

/** Part of a shard's vector: numbers whose sum depends on the order, the same in every process. */
function shardSlice({ shard, from, to }: { shard: number; from: number; to: number }): Float32Array {
  const slice = new Float32Array(to - from);
  for (let index = from; index < to; index++) {
    const bits = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(shard + 1, 0x85ebca6b);
    slice[index - from] = bits * 2 ** -31 * 17 ** shard;
  }
  return slice;
}

async function millisecondsOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function listen(): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}
