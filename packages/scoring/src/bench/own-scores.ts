/**
 * Our side of the benchmark, in a process of its own: scores the captions of a folder several times, and says how long each part took.
 * The first time nothing is compiled yet.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { captionStatistics } from '../captions/caption-statistics.ts';
import { captionTokens } from '../captions/ptb/caption-tokens.ts';
import type { BenchCaptions } from './sentences.ts';

export type Part = 'tokens' | 'scores';

export interface OwnResult {
  readonly tokens: {
    readonly hypotheses: readonly string[];
    readonly references: readonly (readonly string[])[];
  };
  /** Of each time; null where the tokens were given. */
  readonly seconds: readonly { readonly tokens: number | null; readonly scores: number }[];
  readonly corpus: Readonly<Record<string, number>>;
  readonly perImage: Readonly<Record<string, readonly number[]>>;
}

const [folder, times] = [process.argv[2]!, Number(process.argv[3])];
const captions: BenchCaptions = JSON.parse(readFileSync(join(folder, 'captions.json'), 'utf8'));
const seconds = Array.from({ length: times }, () => ({ tokens: 0, scores: 0 }));
for (const [time, own] of seconds.entries()) {
  const result = score(own);
  if (time === times - 1) writeFileSync(join(folder, 'own.json'), JSON.stringify({ ...result, seconds }));
}

function score(own: Record<Part, number>): Omit<OwnResult, 'seconds'> {
  const timed = <T>(part: Part, work: () => T): T => {
    const start = performance.now();
    const result = work();
    own[part] = (performance.now() - start) / 1000;
    return result;
  };
  const tokens = timed('tokens', () => {
    const flat = captionTokens(captions.references.flat()).values();
    return {
      hypotheses: captionTokens(captions.hypotheses),
      references: captions.references.map((texts) => texts.map(() => flat.next().value!)),
    };
  });
  const images = tokens.hypotheses.map((hypothesis, i) => ({
    hypothesis,
    references: tokens.references[i]!,
  }));
  const ids = images.map((_, i) => `${i}`);
  const statistics = timed('scores', () => captionStatistics({ ids, images }));
  return {
    tokens,
    corpus: Object.fromEntries(statistics.map(({ metric, value }) => [metric, value])),
    perImage: Object.fromEntries(
      statistics.map(({ metric, perSample }) => [metric, Array.from(perSample!.values)]),
    ),
  };
}
