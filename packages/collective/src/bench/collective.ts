/**
 * How fast the all-reduce over gRPC is: MB/s per rank for vectors of 1, 10 and 100 MB on 2 to 4 ranks, each a process of
 * its own, beside raw TCP between the same processes, in turn with it. MB/s counts the bytes that a rank sends
 * (2 (W - 1) / W vectors); it receives as many. The result is checked bit for bit before anything is timed.
 *
 *   node packages/collective/dist/bench/collective.js [--json FILE] [--ranks 2,3,4] [--megabytes 1,10,100]
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { CellResult } from './messages.ts';
import { RankProcess } from './rank-process.ts';

const maxIterations = 40;
const budgetMs = 2000;

interface Row {
  readonly ranks: number;
  readonly megabytes: number;
  readonly iterations: number;
  readonly allReduceMs: Quantiles;
  readonly tcpMs: Quantiles;
  readonly megabytesPerSecondPerRank: { readonly allReduce: number; readonly tcp: number };
  /** Of raw TCP's throughput, at the medians. */
  readonly ratio: number;
}

interface Quantiles {
  readonly median: number;
  readonly p90: number;
}

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    ranks: { type: 'string', default: '2,3,4' },
    megabytes: { type: 'string', default: '1,10,100' },
  },
});

const started = performance.now();
const numbers = (list: string): number[] => list.split(',').map(Number);
process.stdout.write('ranks     MB   all-reduce ms (p90)      TCP ms (p90)   MB/s/rank   TCP MB/s   ratio\n');
const rows: Row[] = [];
for (const ranks of numbers(options.ranks)) {
  for await (const row of measureWorld(ranks, numbers(options.megabytes))) {
    rows.push(row);
    process.stdout.write(`${lineOf(row)}\n`);
  }
}
const seconds = (performance.now() - started) / 1000;
process.stdout.write(`every sum equals the naive tree sum bit for bit; ${seconds.toFixed(1)} s in all\n`);
if (options.json) {
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model, node: process.version };
  writeFileSync(options.json, `${JSON.stringify({ machine, rows, seconds }, null, 2)}\n`);
}

async function* measureWorld(worldSize: number, sizes: readonly number[]): AsyncGenerator<Row> {
  const ranks = Array.from({ length: worldSize }, () => new RankProcess());
  try {
    const addresses = await Promise.all(ranks.map((rank) => rank.addresses()));
    const grpcPorts = addresses.map(({ grpcPort }) => grpcPort);
    const tcpPorts = addresses.map(({ tcpPort }) => tcpPort);
    await Promise.all(ranks.map((process, rank) => process.ask({ kind: 'joinGroup', rank, grpcPorts })));
    await Promise.all(ranks.map((process, rank) => process.ask({ kind: 'joinMesh', rank, tcpPorts })));
    for (const megabytes of sizes) {
      const cell = { kind: 'measure', floats: (megabytes * 1e6) / 4, maxIterations, budgetMs } as const;
      const results = await Promise.all(ranks.map((rank) => rank.ask<CellResult>(cell)));
      yield rowOf({ worldSize, megabytes, results });
    }
    await Promise.all(ranks.map((rank) => rank.ask({ kind: 'leave' })));
  } finally {
    for (const rank of ranks) rank.stop();
  }
}

function rowOf(cell: { worldSize: number; megabytes: number; results: readonly CellResult[] }): Row {
  const { worldSize, megabytes, results } = cell;
  const iterations = results[0]!.allReduceMs.length;
  // An all-reduce is over when the last rank has it.
  const slowest = (times: (result: CellResult) => readonly number[]) =>
    quantiles(
      Array.from({ length: iterations }, (_, index) =>
        Math.max(...results.map((result) => times(result)[index]!)),
      ),
    );
  const allReduceMs = slowest((result) => result.allReduceMs);
  const tcpMs = slowest((result) => result.tcpMs);
  const sent = (2 * (worldSize - 1) * megabytes) / worldSize;
  return {
    ranks: worldSize,
    megabytes,
    iterations,
    allReduceMs,
    tcpMs,
    megabytesPerSecondPerRank: {
      allReduce: (sent / allReduceMs.median) * 1000,
      tcp: (sent / tcpMs.median) * 1000,
    },
    ratio: tcpMs.median / allReduceMs.median,
  };
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), p90: at(0.9) };
}

function lineOf(row: Row): string {
  const time = ({ median, p90 }: Quantiles) => `${median.toFixed(1)} (${p90.toFixed(1)})`;
  const speed = row.megabytesPerSecondPerRank;
  return [
    String(row.ranks).padStart(5),
    String(row.megabytes).padStart(6),
    time(row.allReduceMs).padStart(21),
    time(row.tcpMs).padStart(17),
    speed.allReduce.toFixed(0).padStart(11),
    speed.tcp.toFixed(0).padStart(10),
    row.ratio.toFixed(2).padStart(7),
  ].join(' ');
}
