/**
 * How fast captions are scored, beside the Python scorers of COCO in the same run.
 * `npm run bench:scoring -- [--images 5000] [--rounds 5] [--json FILE]`.
 *
 * pycocoevalcap takes part where TRIPTYCH_PYTHON (or python3) can import it, with its Java tokenizer where there is a `java`.
 * First the tokens and all scores are compared, then both take turns, each in processes of its own. Ours scores the set
 * three times in a process: the first time is reported apart, as nothing is compiled then.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { OwnResult, Part } from './own-scores.ts';
import { benchCaptions } from './sentences.ts';

/** In one process. */
const TIMES = 3;

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const python = process.env['TRIPTYCH_PYTHON'] ?? 'python3';
const scripts = {
  own: fileURLToPath(new URL('./own-scores.js', import.meta.url)),
  peer: fileURLToPath(new URL('../../bench/coco_peer.py', import.meta.url)),
};
const folder = mkdtempSync(join(tmpdir(), 'triptych-bench-scoring-'));
try {
  const captions = benchCaptions(Number(values.images), uniformNumbers(1));
  writeFileSync(join(folder, 'captions.json'), JSON.stringify(captions));
  const own = runOwn();
  const tokens = { hypothesisTokens: own.tokens.hypotheses, referenceTokens: own.tokens.references };
  writeFileSync(join(folder, 'captions.json'), JSON.stringify({ ...captions, ...tokens }));
  const peer = runPeer();
  if (peer) assertEqual(own, peer);
  measure(peer !== undefined);
} finally {
  rmSync(folder, { recursive: true });
}

type Seconds = OwnResult['seconds'][number];

function measure(withPeer: boolean): void {
  const rounds = Array.from({ length: Number(values.rounds) }, () => ({
    own: runOwn().seconds,
    peer: withPeer ? runPeer()!.seconds : [],
  }));
  print(
    `${values.images} images with 5 references; ${cpus()[0]?.model}; median and p90 of ${values.rounds} rounds`,
  );
  const first = rounds.map(({ own }) => own[0]!);
  const warm = rounds.map(({ own }) => own[TIMES - 1]!);
  const peer = rounds.flatMap((round) => round.peer);
  for (const part of ['tokens', 'scores', 'both'] as const) {
    const of = (seconds: readonly Seconds[]) => seconds.flatMap((one) => secondsOf(one, part) ?? []);
    const beside = of(peer);
    // A machine that slows down slows both sides of a round.
    const ratios = beside.map((seconds, i) => seconds / of(warm)[i]!);
    const theirs =
      beside.length > 0
        ? `   pycocoevalcap ${figures(beside)}: ${quantile(ratios, 0.5).toFixed(1)} times as long`
        : '';
    print(`${part.padEnd(6)} ours ${figures(of(warm))}   at first ${figures(of(first))}${theirs}`);
  }
  if (values.json)
    writeFileSync(values.json, `${JSON.stringify({ images: Number(values.images), rounds }, null, 2)}\n`);
}

/** Undefined for tokens that the other side did not cut. */
function secondsOf({ tokens, scores }: Seconds, part: Part | 'both'): number | undefined {
  if (part === 'scores') return scores;
  if (tokens === null) return undefined;
  return part === 'tokens' ? tokens : tokens + scores;
}

function runOwn(): OwnResult {
  const { status, stderr } = spawnSync(process.execPath, [scripts.own, folder, `${TIMES}`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(readFileSync(join(folder, 'own.json'), 'utf8'));
}

function runPeer(): OwnResult | undefined {
  const { status, stderr } = spawnSync(python, [scripts.peer, folder], { encoding: 'utf8' });
  if (status === 0) return JSON.parse(readFileSync(join(folder, 'peer.json'), 'utf8'));
  if (!/No module named|ENOENT/.test(stderr ?? 'ENOENT')) throw new Error(stderr);
  print(`${python} has no pycocoevalcap; name a Python that has in TRIPTYCH_PYTHON`);
  return undefined;
}

function assertEqual(own: OwnResult, peer: OwnResult): void {
  if (JSON.stringify(own.tokens) !== JSON.stringify(peer.tokens)) throw new Error('the tokens differ');
  let largest = 0;
  for (const metric of Object.keys(peer.corpus)) {
    largest = Math.max(largest, Math.abs(own.corpus[metric]! - peer.corpus[metric]!));
    for (const [i, value] of peer.perImage[metric]!.entries())
      largest = Math.max(largest, Math.abs(own.perImage[metric]![i]! - value));
  }
  if (!(largest < 1e-6)) throw new Error(`the scores differ by ${largest}`);
  print(`the same tokens; scores of the set and of each image differ by ${largest.toExponential(1)} at most`);
}

/** Lehmer's generator, as Park and Miller have it. */
function uniformNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

function figures(seconds: readonly number[]): string {
  return `${ms(quantile(seconds, 0.5))} ${ms(quantile(seconds, 0.9))}`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

function ms(seconds: number): string {
  return `${(1000 * seconds).toFixed(0)} ms`.padStart(9);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
