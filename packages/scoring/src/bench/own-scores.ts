/** Our side of the benchmark, in a process of its own: scores the captions of a folder, and says how long each part took. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bleu } from '../captions/bleu.ts';
import type { CaptionScore } from '../captions/captioned-image.ts';
import { ciderD } from '../captions/cider-d.ts';
import { captionTokens } from '../captions/ptb/caption-tokens.ts';
import { rougeL } from '../captions/rouge-l.ts';
import type { BenchCaptions } from './sentences.ts';

export interface OwnResult {
  readonly seconds: Readonly<Record<string, number>>;
  readonly corpus: Readonly<Record<string, number>>;
  readonly perImage: Readonly<Record<string, readonly number[]>>;
}

const folder = process.argv[2]!;
const captions: BenchCaptions = JSON.parse(readFileSync(join(folder, 'captions.json'), 'utf8'));
const seconds: Record<string, number> = {};

const tokens = timed('tokens', () => {
  const flat = captionTokens(captions.references.flat()).values();
  return {
    hypotheses: captionTokens(captions.hypotheses),
    references: captions.references.map((texts) => texts.map(() => flat.next().value!)),
  };
});
const images = tokens.hypotheses.map((hypothesis, i) => ({ hypothesis, references: tokens.references[i]! }));
const scores: [string, CaptionScore][] = [
  ...timed('bleu', () => bleu(images)).map((score, n): [string, CaptionScore] => [`bleu_${n + 1}`, score]),
  ['rouge_l', timed('rouge_l', () => rougeL(images))],
  ['cider_d', timed('cider_d', () => ciderD(images))],
];
const result: OwnResult & { tokens: typeof tokens } = {
  seconds,
  tokens,
  corpus: Object.fromEntries(scores.map(([metric, { corpus }]) => [metric, corpus])),
  perImage: Object.fromEntries(scores.map(([metric, { perImage }]) => [metric, perImage])),
};
writeFileSync(join(folder, 'own.json'), JSON.stringify(result));

function timed<T>(part: string, work: () => T): T {
  const start = performance.now();
  const result = work();
  seconds[part] = (performance.now() - start) / 1000;
  return result;
}
