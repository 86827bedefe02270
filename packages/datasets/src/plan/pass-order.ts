/** The order in which one pass over a dataset uses its samples: shuffled, or in batches of similar length and one modality. */
import type { RandomStream } from '../random-stream.ts';

export interface PassOptions {
  /** Positions in a manifest; not written to. */
  readonly samples: Int32Array;
  /**
   * Of each sample: its number of tokens, negative for a sample without images, as LLaVA's `modality_lengths`
   * (https://github.com/haotian-liu/LLaVA/blob/main/llava/train/llava_trainer.py).
   */
  readonly lengths?: Int32Array | undefined;
  /** How many samples each batch of the pass takes, batch after batch; no more than there are together. */
  readonly sizes: readonly number[];
  readonly stream: RandomStream;
}

/** Batches whose samples are sorted together: Hugging Face's `group_by_length` uses 50, and fewer where there are few. */
const MEGA_BATCHES = 50;

/** All samples, batch after batch; at the end are those that the pass leaves over. */
export function passOrder({ samples, lengths, sizes, stream }: PassOptions): Int32Array {
  if (!lengths) return stream.shuffle(samples.slice());
  const order = stream.shuffle(Int32Array.from(samples, (_, position) => position));
  return grouped(order, { lengths, sizes, stream }).map((position) => samples[position] as number);
}

/**
 * Each modality fills batches, drawn at random from the pass, as long as it has enough samples for the next; what then is left of both
 * fills the last, which is mixed. Neighbours in length come from `MEGA_BATCHES` batches together, longest first in each batch.
 */
function grouped(
  order: Int32Array,
  { lengths, sizes, stream }: { lengths: Int32Array; sizes: readonly number[]; stream: RandomStream },
): Int32Array {
  const lengthOf = (position: number) => lengths[position] as number;
  const sizeOf = (batch: number) => sizes[batch] as number;
  const batches = stream.shuffle(sizes.map((_, batch) => batch));
  const together = Math.max(1, Math.min(MEGA_BATCHES, Math.floor(sizes.length / 4)));
  const filled: Int32Array[] = [];
  const fill = (members: Int32Array, own: readonly number[]): number => {
    let used = 0;
    for (let first = 0; first < own.length; first += together) {
      const mega = own.slice(first, first + together);
      const count = mega.reduce((sum, batch) => sum + sizeOf(batch), 0);
      // The sort is stable: equal lengths stay shuffled.
      const sorted = Array.from(members.subarray(used, used + count)).sort(
        (a, b) => Math.abs(lengthOf(b)) - Math.abs(lengthOf(a)),
      );
      // Which batch of the pass gets the longest is random, since `batches` is.
      let at = 0;
      for (const batch of mega) {
        filled[batch] = Int32Array.from(sorted.slice(at, at + sizeOf(batch)));
        at += sizeOf(batch);
      }
      used += count;
    }
    return used;
  };
  const rest: number[] = [];
  let next = 0;
  for (const members of [
    order.filter((one) => lengthOf(one) >= 0),
    order.filter((one) => lengthOf(one) < 0),
  ]) {
    const own: number[] = [];
    let wanted = 0;
    while (next < batches.length && wanted + sizeOf(batches[next] as number) <= members.length) {
      wanted += sizeOf(batches[next] as number);
      own.push(batches[next++] as number);
    }
    for (const one of members.subarray(fill(members, own))) rest.push(one);
  }
  const left = Int32Array.from(rest);
  const over = left.subarray(fill(left, batches.slice(next)));
  return Int32Array.from([...filled, over].flatMap((batch) => Array.from(batch)));
}
