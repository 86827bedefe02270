/** A batch of sequences that attend to themselves: who sees whom, and at which position each token stands. */
import { attention, type RotaryTable, rotaryTable, sequenceMask } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import type { DecoderPass } from './decoder-block.ts';
import { frequenciesOf } from './rotary-frequencies.ts';

/** Without `starts` and `ends`, every position is real. What stands at the others is computed, and means nothing. */
export interface Sequences {
  readonly batch: number;
  readonly length: number;
  /** Left padding: the first real position of each sequence. */
  readonly starts?: ArrayLike<number>;
  /** Right padding: one past the last real position of each sequence. */
  readonly ends?: ArrayLike<number>;
}

/** Causal attention of the sequences to themselves, positions counted from the first real token. */
export function selfAttention(config: LlamaConfig, sequences: Sequences): DecoderPass {
  const { batch, length, starts, ends } = sequences;
  const heads = { heads: config.num_attention_heads, keyValueHeads: config.num_key_value_heads };
  const padding = { ...(starts && { starts }), ...(ends && { ends }) };
  const padded = starts !== undefined || ends !== undefined;
  const mask = padded ? sequenceMask({ batch, queries: length, causal: true, ...padding }) : 'causal';
  return {
    rotary: anglesAt(config, { ...sequences, past: 0 }),
    attend: (qkv) => attention(qkv, { ...heads, mask }),
  };
}

/** The angles of `length` positions after `past` others; of all sequences alike where none is padded on the left. */
export function anglesAt(
  config: LlamaConfig,
  { batch, length, starts, past }: Omit<Sequences, 'ends'> & { readonly past: number },
): RotaryTable {
  const positionsOf = (start: number) => Array.from({ length }, (_, i) => Math.max(0, past + i - start));
  const positions =
    starts === undefined
      ? positionsOf(0)
      : Array.from({ length: batch }, (_, b) => positionsOf(starts[b]!)).flat();
  checkReach(config, positions);
  return rotaryTable({ positions, ...frequenciesOf(config) });
}

/** With dynamic scaling, positions beyond the trained context would turn every position another way. */
function checkReach(
  { rope_scaling, max_position_embeddings }: LlamaConfig,
  positions: readonly number[],
): void {
  if (rope_scaling?.rope_type !== 'dynamic') return;
  const reach = positions.reduce((most, position) => Math.max(most, position + 1), 0);
  if (reach > max_position_embeddings) {
    const message = `${reach} positions with dynamic rope scaling: expected at most ${max_position_embeddings}`;
    throw new TriptychError('INVALID_INPUT', `${message}; shorten the text, or use another kind of scaling`);
  }
}
