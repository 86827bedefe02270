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

export interface TokenDistribution {
  readonly tokens: readonly number[];
  /** Not normalised. */
  readonly weights: readonly number[];
  readonly total: number;
}

/** The tokens that may be drawn, and how probable each is. */
export function distributionOf(
  logits: Float32Array,
  { temperature = 1, topK = logits.length, topP = 1 }: Omit<SampleChoice, 'kind' | 'seed'>,
): TokenDistribution {
  const threshold = topK < logits.length ? logits[largest(logits, topK).at(-1)!]! : Number.NEGATIVE_INFINITY;
  const maximum = logits[argmax(logits)]!;
  const tokens: number[] = [];
  const weights: number[] = [];
  let total = 0;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token]!;
    // A comparison with NaN fails: it is let through, and noticed in the sum.
    if (logit < threshold) continue;
    const weight = Math.exp((logit - maximum) / temperature);
    tokens.push(token);
    weights.push(weight);
    total += weight;
  }
  if (Number.isNaN(total)) throw notNumbers();
  const all = { tokens, weights, total };
  return topP < 1 ? nucleus(all, topP * total) : all;
}

/** The heaviest tokens until their weights reach `wanted`. */
function nucleus({ tokens, weights, total }: TokenDistribution, wanted: number): TokenDistribution {
  const order = heaviest(weights, Math.min(wanted, total));
  let reached = 0;
  let count = 0;
  while (count < order.length && (count === 0 || reached < wanted)) reached += weights[order[count++]!]!;
  const kept = order.slice(0, count);
  return { tokens: kept.map((i) => tokens[i]!), weights: kept.map((i) => weights[i]!), total: reached };
}

/** Places of weights in falling order, enough of them to reach `wanted`: sorting a whole vocabulary would take longer. */
function heaviest(weights: readonly number[], wanted: number): number[] {
  // The heaviest weight is 1.
  for (let bound = 1 / 16; ; bound /= 16) {
    const places: number[] = [];
    let reached = 0;
    for (const [i, weight] of weights.entries())
      if (weight >= bound) {
        places.push(i);
        reached += weight;
      }
    if (reached >= wanted || places.length === weights.length)
      return places.sort((a, b) => weights[b]! - weights[a]! || a - b);
  }
}

function draw({ tokens, weights, total }: TokenDistribution, stream: RandomStream): number {
  let left = stream.uniform() * total;
  for (const [i, weight] of weights.entries()) {
    left -= weight;
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
