/** Which token stands for the whole text: the first end token. */
import type { ClipTextConfig } from '../catalog/clip-config.ts';

/** Old configurations give this id for the end token although it is another; their tokenizers put the end token last. */
const LEGACY_END_TOKEN = 2;

/**
 * The position of the end token in each row of `ids` [batch, context]: the first one, since Hugging Face tokenizers pad
 * with it. Where the configuration's end token cannot be trusted, or does not occur, the first highest id is taken.
 */
export function endPositions(ids: Int32Array, batch: number, { eos_token_id }: ClipTextConfig): Int32Array {
  const context = ids.length / batch;
  return Int32Array.from({ length: batch }, (_, row) => {
    const tokens = ids.subarray(row * context, (row + 1) * context);
    const end = eos_token_id === LEGACY_END_TOKEN ? -1 : tokens.indexOf(eos_token_id);
    return end >= 0 ? end : tokens.indexOf(Math.max(...tokens));
  });
}
