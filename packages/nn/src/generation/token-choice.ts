/** How the next token follows from its logits, on the host in double precision. */
import type { Violation } from '@triptych/protocol';
import { type RandomStream, random } from '../random.ts';
import { countViolations, unfit } from './generation-limits.ts';
import { argmax, largest, notNumbers } from './largest.ts';

export type TokenChoice = { readonly kind: 'greedy' } | SampleChoice;

/** Filters apply in this order, as in Hugging Face: temperature, then `topK`, then `topP`. */
export interface SampleChoice {
  readonly kind: 'sample';
  /** Each sequence draws from a stream of its own: what it gets does not depend on the others. */
  readonly seed: number;
  /** Logits are divided by it. Default 1. */
  readonly temperature?: number;
  /** Only the most probable tokens: this many, and those that equal the last of them. */
  readonly topK?: number;
  /** Only the most probable tokens that together reach this probability; at least one. */
  readonly topP?: number;
}

/** One for each sequence: takes its logits, valid during the call only. */
export type TokenChooser = (logits: Float32Array) => number;

export function chooserOf(choice: TokenChoice, sequence: number): TokenChooser {
  if (choice.kind === 'greedy') return argmax;
  const stream = random(choice.seed, 'generation', sequence);
  return (logits) => draw(distributionOf(logits, choice), stream);
}

/** In no particular order. */
export interface TokenDistribution {
  readonly tokens: Int32Array;
  /** Not normalised; the largest is 1. */
  readonly weights: Float64Array;
  readonly total: number;
}

/** The tokens that may be drawn, and how probable each is. */
export function distributionOf(
  logits: Float32Array,
  { temperature = 1, topK = logits.length, topP = 1 }: Omit<SampleChoice, 'kind' | 'seed'>,
): TokenDistribution {
  const threshold = topK < logits.length ? logits[largest(logits, topK).at(-1)!]! : Number.NEGATIVE_INFINITY;
  const maximum = logits[argmax(logits)]!;
  const tokens = new Int32Array(logits.length);
  const weights = new Float64Array(logits.length);
  let count = 0;
  let total = 0;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token]!;
    // A comparison with NaN fails: it is let through, and noticed in the sum.
    if (logit < threshold) continue;
    const weight = Math.exp((logit - maximum) / temperature);
    tokens[count] = token;
    weights[count++] = weight;
    total += weight;
  }
  if (Number.isNaN(total)) throw notNumbers();
  const all = { tokens: tokens.subarray(0, count), weights: weights.subarray(0, count), total };
  return topP < 1 ? nucleus(all, topP * total) : all;
}

/**
 * The heaviest tokens until their weights reach `wanted`. Band by band of falling weight, so that only the last one is
 * sorted: sorting a whole vocabulary would take longer than a small model.
 */
function nucleus({ tokens, weights }: TokenDistribution, wanted: number): TokenDistribution {
  const kept: number[] = [];
  let total = 0;
  let above = Number.POSITIVE_INFINITY;
  for (let bound = 1 / 16; kept.length < weights.length; bound /= 16) {
    const band: number[] = [];
    let inBand = 0;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!;
      if (weight < bound || weight >= above) continue;
      band.push(i);
      inBand += weight;
    }
    const last = total + inBand >= wanted;
    if (last) band.sort((a, b) => weights[b]! - weights[a]! || a - b);
    for (const i of band) {
      if (last && kept.length > 0 && total >= wanted) break;
      kept.push(i);
      total += weights[i]!;
    }
    if (last) break;
    above = bound;
  }
  return {
    tokens: Int32Array.from(kept, (i) => tokens[i]!),
    weights: Float64Array.from(kept, (i) => weights[i]!),
    total,
  };
}

function draw({ tokens, weights, total }: TokenDistribution, stream: RandomStream): number {
  let left = stream.uniform() * total;
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i]!;
    if (left < 0) return tokens[i]!;
  }
  return tokens.at(-1)!;
}

/** What makes a choice impossible. */
export function choiceViolations(choice: TokenChoice): Violation[] {
  if (choice.kind === 'greedy') return [];
  const { temperature = 1, topK = 1, topP = 1 } = choice;
  return [
    ...(temperature > 0 && Number.isFinite(temperature)
      ? []
      : [
          unfit('/temperature', temperature, {
            expected: 'a number above 0',
            remedy: 'use greedy instead of 0',
          }),
        ]),
    ...countViolations('/topK', topK),
    ...(topP > 0 && topP <= 1
      ? []
      : [
          unfit('/topP', topP, {
            expected: 'a number above 0, at most 1',
            remedy: 'leave it out for all tokens',
          }),
        ]),
  ];
}
