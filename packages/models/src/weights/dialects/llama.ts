/** Names of Llama weights: `LlamaForCausalLM`, and the decoder alone (`LlamaModel`). Tensor-free. */
import type { Dialect } from '../dialect.ts';

const head = 'lm_head.weight';
/** A buffer of releases before 4.31. */
const buffers = ['{rest}.rotary_emb.inv_freq'];

/** Canonical. */
export const llamaForCausalLm: Dialect = {
  name: 'LlamaForCausalLM',
  pairs: ['model.{rest}', head].map((name) => ({ file: name, ours: name })),
  ignored: buffers,
  spare: [head],
};

/** Without its head: complete where the embeddings are tied. */
export const llamaModel: Dialect = {
  name: 'LlamaModel',
  pairs: ['embed_tokens.weight', 'layers.{rest}', 'norm.weight'].map((name) => ({
    file: name,
    ours: `model.${name}`,
  })),
  ignored: buffers,
};

export const llamaDialects: readonly Dialect[] = [llamaForCausalLm, llamaModel];
