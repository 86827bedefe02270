/**
 * How fast captions are scored, beside the Python scorers of COCO in the same run.
 * `npm run bench:scoring -- [--images 5000] [--rounds 5] [--json FILE]`.
 *
 * pycocoevalcap takes part where TRIPTYCH_PYTHON (or python3) can import it, with its Java tokenizer where there is a `java`.
 * First the tokens and all scores are compared, then both take turns. Ours is timed in a fresh process every time, as
 * `triptych score` is, so that nothing is warm.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { OwnResult } from './own-scores.ts';
import { benchCaptions } from './sentences.ts';

interface PeerResult extends OwnResult {
  readonly tokens: { readonly hypotheses: readonly string[]; readonly references: readonly string[][] };
}

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

function measure(withPeer: boolean): void {
  const rounds = Array.from({ length: Number(values.rounds) }, () => ({
    own: runOwn().seconds,
    ...(withPeer && { peer: runPeer()!.seconds }),
  }));
  print(`${values.images} images with 5 references; ${cpus()[0]?.model}; medians of ${values.rounds} rounds`);
  for (const part of ['tokens', 'bleu', 'rouge_l', 'cider_d', 'all']) {
    const own = median(rounds.map((round) => total(round.own, part)));
    const peers = rounds.flatMap((round) =>
      round.peer && (part === 'all' || part in round.peer) ? [round] : [],
    );
    const ratio = median(peers.map((round) => total(round.peer!, part) / total(round.own, part)));
    const beside =
      peers.length > 0
        ? ` pycocoevalcap ${ms(median(peers.map(({ peer }) => total(peer!, part))))}, ${ratio.toFixed(1)} times as long`
        : '';
    print(`${part.padEnd(8)} ${ms(own)}${beside}`);
  }
  if (values.json)
    writeFileSync(values.json, `${JSON.stringify({ images: Number(values.images), rounds }, null, 2)}\n`);
}

/** What is compared is what both did. */
function total(seconds: Readonly<Record<string, number>>, part: string): number {
  return part === 'all' ? Object.values(seconds).reduce((sum, value) => sum + value, 0) : seconds[part]!;
}

function runOwn(): PeerResult {
  const { status, stderr } = spawnSync(process.execPath, [scripts.own, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(readFileSync(join(folder, 'own.json'), 'utf8'));
}

function runPeer(): PeerResult | undefined {
  const { status, stderr } = spawnSync(python, [scripts.peer, folder], { encoding: 'utf8' });
  if (status === 0) return JSON.parse(readFileSync(join(folder, 'peer.json'), 'utf8'));
  if (!/No module named|ENOENT/.test(stderr ?? 'ENOENT')) throw new Error(stderr);
  print(`${python} has no pycocoevalcap; name a Python that has in TRIPTYCH_PYTHON`);
  return undefined;
}

function assertEqual(own: PeerResult, peer: PeerResult): void {
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

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

function ms(seconds: number): string {
  return `${(1000 * seconds).toFixed(0)} ms`.padStart(9);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
