/** The figures of a soak as text. */
import { renderTable } from '../../table.ts';
import type { Finding } from './bounds.ts';
import type { Quantiles } from './latencies.ts';
import type { LoadResult } from './load.ts';
import type { Vitals } from './vitals.ts';

export function line(round: number, { seconds, ended, deleted }: LoadResult, vitals: Vitals): string {
  const count = Object.values(ended).reduce((sum, some) => sum + some, 0);
  const states = Object.entries(ended).map(([status, some]) => `${some} ${status}`);
  const of = (name: string, digits = 0) => `${name} ${(vitals[name] ?? 0).toFixed(digits)}`;
  const figures = [
    ...[of('heap MiB', 1), of('RSS MiB'), of('file descriptors'), of('metric series'), of('database MiB', 1)],
    of('loop delay p99 ms'),
  ];
  return `round ${round + 1}: ${count} runs in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(1)}/s (${states.join(', ')}; ${deleted} deleted); ${figures.join(', ')}`;
}

export function findingsTable(findings: readonly Finding[]): string {
  return renderTable({
    head: ['figure', 'before', 'after', 'for 1,000 runs', 'allowed', 'and once', ''],
    right: [1, 2, 3, 4, 5],
    rows: findings.map(({ figure, first, last, perThousand, bound, isBroken }) => [
      ...[figure, short(first), short(last), short(perThousand)],
      ...(bound ? [short(bound.perThousand), short(bound.slack), isBroken ? 'BROKEN' : ''] : ['-', '-', '']),
    ]),
  });
}

export function latencyTable({
  all,
  byRoute,
}: {
  readonly all: Quantiles;
  readonly byRoute: Readonly<Record<string, Quantiles>>;
}): string {
  return renderTable({
    head: ['request', 'count', 'p50 ms', 'p99 ms', 'slowest ms'],
    right: [1, 2, 3, 4],
    rows: Object.entries({ ...byRoute, all }).map(([name, { count, p50, p99, max }]) => [
      ...[name, String(count), short(p50), short(p99), short(max)],
    ]),
  });
}

const short = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(1));
