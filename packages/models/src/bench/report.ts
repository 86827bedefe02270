/** The engine benchmark's figures as lines of text. */
import type { TaskResult } from './measure-task.ts';
import type { FirstDifference } from './same-results.ts';

const columns = [-30, 7, 7, -15, 9, 9, 9, 9, 6] as const;

export const headLine = (): string =>
  row(['model', 'batch', 'threads', 'engine', 'step', 'p90', 'GFLOP/s', 'peak', 'ratio']);

export function resultLines({ workload, batch, threads, competitors }: TaskResult): string[] {
  return competitors.map(({ name, stepSeconds, gflops, peakBytes, ratio }) =>
    row([
      workload,
      String(batch),
      String(threads),
      name,
      milliseconds(stepSeconds.median),
      milliseconds(stepSeconds.p90),
      gflops.toFixed(0),
      `${Math.round(peakBytes / 2 ** 20)} MiB`,
      ratio.toFixed(2),
    ]),
  );
}

/** Below their own head, a line for each number of prompts and each competitor; none where no text is generated. */
export function generationLines({ threads, generation }: TaskResult): string[] {
  const [first] = generation;
  if (!first) return [];
  const head = row(['', 'prompts', 'threads', 'engine', 'answers', 'p90', 'tokens/s', '', 'ratio']);
  return [
    head,
    ...generation.flatMap(({ name, prompts, newTokens, seconds, tokensPerSecond, ratio, difference }) => [
      row([
        `  ${newTokens} tokens`,
        String(prompts),
        String(threads),
        name,
        milliseconds(seconds.median),
        milliseconds(seconds.p90),
        tokensPerSecond.toFixed(0),
        '',
        ratio.toFixed(2),
      ]),
      ...(difference ? [differenceLine(name, first.name, difference)] : []),
    ]),
  ];
}

const differenceLine = (
  name: string,
  reference: string,
  { prompt, position, token, expected }: FirstDifference,
): string => `    prompt ${prompt}, new token ${position}: ${name} chose ${token}, ${reference} ${expected}`;

/** Of the last round: milliseconds of a step in each kernel, longest first. */
export function profileLines({ competitors, steps }: TaskResult): string[] {
  return competitors.flatMap(({ name, kernels }) => {
    if (!kernels) return [];
    const total = kernels.reduce((sum, { milliseconds: all }) => sum + all, 0);
    return [
      `  ${name}: ${(total / steps).toFixed(0)} ms of a step in kernels`,
      ...kernels.slice(0, 20).map(({ name: kernel, calls, milliseconds: all }) => {
        const share = `${((100 * all) / total).toFixed(1)} %`.padStart(7);
        return `    ${kernel.padEnd(24)} ${(all / steps).toFixed(1).padStart(8)} ms ${share}  ${Math.round(calls / steps)} calls`;
      }),
    ];
  });
}

const milliseconds = (seconds: number) => `${(seconds * 1000).toFixed(0)} ms`;

/** Negative widths are left-aligned. */
const row = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => (columns[i]! < 0 ? cell.padEnd(-columns[i]!) : cell.padStart(columns[i]!)))
    .join(' ');
