/** Greedy and sampled generation, token by token. Beam search, which knows its tokens only at the end, is elsewhere. */
import { setImmediate } from 'node:timers/promises';
import { kernels } from '../kernels/kernels.ts';
import type { Tensor2D } from '../tensorflow.ts';
import type { Decoder } from './decoder.ts';
import { checkLimits, type GenerationLimits } from './generation-limits.ts';
import { choiceViolations, chooserOf, type TokenChoice } from './token-choice.ts';

export interface GenerationOptions extends GenerationLimits {
  /** Default: greedy. */
  readonly choice?: TokenChoice;
}

/** `sequence` counts the prompts of the batch. A stop token ends its sequence and is no `token` event. */
export type GenerationEvent =
  | { readonly kind: 'token'; readonly sequence: number; readonly token: number }
  | { readonly kind: 'end'; readonly sequence: number; readonly reason: 'stop' | 'length' };

/**
 * Continues every prompt, each until its stop token or for `maxNewTokens`; yields tokens as they come. Sequences that
 * ended are no longer computed. The decoder stays the caller's, and cannot be used for anything else afterwards.
 * @throws TriptychError INVALID_INPUT for options that cannot be followed, MODEL_INVALID where logits are not numbers;
 * the reason of the signal once it is aborted.
 */
export async function* generate(
  decoder: Decoder,
  { choice = { kind: 'greedy' }, ...limits }: GenerationOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  checkLimits(limits, choiceViolations(choice));
  const { maxNewTokens, stopTokens = [], signal } = limits;
  const choosers = Array.from({ length: decoder.batch }, (_, sequence) => chooserOf(choice, sequence));
  let alive = [...choosers.keys()];
  signal?.throwIfAborted();
  let logits = decoder.prefill();
  for (let count = 1; ; count++) {
    const tokens = await eachRow(logits, (row, i) => choosers[alive[i]!]!(row));
    const going: number[] = [];
    for (const [i, sequence] of alive.entries()) {
      const token = tokens[i]!;
      const stopped = stopTokens.includes(token);
      if (!stopped) yield { kind: 'token', sequence, token };
      if (!stopped && count < maxNewTokens) going.push(i);
      else yield { kind: 'end', sequence, reason: stopped ? 'stop' : 'length' };
    }
    if (going.length === 0) return;
    if (going.length < alive.length) {
      decoder.select(Int32Array.from(going));
      alive = going.map((i) => alive[i]!);
    }
    await breathe(signal);
    logits = decoder.step(Int32Array.from(going, (i) => tokens[i]!));
  }
}

/** The tokens of each of `batch` sequences, once all have ended. */
export async function collectTokens(
  events: AsyncIterable<GenerationEvent>,
  batch: number,
): Promise<number[][]> {
  const tokens = Array.from({ length: batch }, (): number[] => []);
  for await (const event of events) if (event.kind === 'token') tokens[event.sequence]!.push(event.token);
  return tokens;
}

/** What `use` makes of each row of logits `[B,V]`, which are disposed. */
export async function eachRow<T>(
  logits: Tensor2D,
  use: (row: Float32Array, index: number) => T,
): Promise<T[]> {
  const [rows, width] = logits.shape;
  try {
    const values = await kernels().read(logits);
    return Array.from({ length: rows }, (_, i) => use(values.subarray(i * width, (i + 1) * width), i));
  } finally {
    logits.dispose();
  }
}

/** Lets the event loop turn between steps, without which no signal could ever be aborted. */
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
