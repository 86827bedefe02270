/** Greedy continuations through a decoder's cache, with the logits that chose each token. */

import type { Tolerance } from '@triptych/nn';
import { argmax, type Decoder } from '@triptych/nn';
import { numbersOf } from './check.ts';
import type { ExpectedResults } from './expected-results.ts';

/** Compares `generated_ids` [B, n] and `generated_logits` [B, n, V]; nothing stops a continuation early. */
export async function checkGreedy(
  decoder: Decoder,
  { expected, tolerance }: { readonly expected: ExpectedResults; readonly tolerance: Tolerance },
): Promise<void> {
  const [batch, steps] = expected.tensor('generated_ids').shape as [number, number];
  const ids = new Int32Array(batch * steps);
  const logits: Float32Array[] = [];
  for (let step = 0; step < steps; step++) {
    const previous = Int32Array.from({ length: batch }, (_, b) => ids[b * steps + step - 1]!);
    const found = await numbersOf(step === 0 ? decoder.prefill() : decoder.step(previous));
    const width = found.length / batch;
    for (let b = 0; b < batch; b++)
      ids[b * steps + step] = argmax(found.subarray(b * width, (b + 1) * width));
    logits.push(found);
  }
  expected.exact('generated_ids', ids);
  const width = logits[0]!.length / batch;
  const ordered = new Float32Array(batch * steps * width);
  for (const [step, found] of logits.entries())
    for (let b = 0; b < batch; b++)
      ordered.set(found.subarray(b * width, (b + 1) * width), (b * steps + step) * width);
  expected.numbers('generated_logits', ordered, { tolerance });
}

/** How many tokens a case wants after each prompt. */
export const newTokens = (expected: ExpectedResults): number => expected.tensor('generated_ids').shape[1]!;
