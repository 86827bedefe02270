/**
 * OpenAI's and open_clip's parameter names, turned into Hugging Face's: attention projections come packed, the two
 * output projections transposed (`convert_clip_original_pytorch_to_hf.py`).
 */
import type { NamedWeight } from '../weights/weight-file.ts';

export const hasOpenAiNames = (weights: ReadonlyMap<string, NamedWeight>): boolean =>
  weights.has('visual.conv1.weight') || weights.has('visual.class_embedding');

/** The same weights under Hugging Face names; a name that is not known stays as it is. */
export function fromOpenAiNames(weights: ReadonlyMap<string, NamedWeight>): Map<string, NamedWeight> {
  const result = new Map<string, NamedWeight>();
  for (const [name, weight] of weights) {
    const packed = /^(.*\.attn\.)in_proj_(weight|bias)$/.exec(name);
    if (packed)
      for (const [part, projection] of ['q_proj', 'k_proj', 'v_proj'].entries())
        result.set(rename(`${packed[1]}${projection}.${packed[2]}`), third(weight, part));
    else if (name === 'visual.proj') result.set('visual_projection.weight', transposed(weight));
    else if (name === 'text_projection') result.set('text_projection.weight', transposed(weight));
    else result.set(rename(name), weight);
  }
  return result;
}

const exact: Readonly<Record<string, string>> = {
  'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
  positional_embedding: 'text_model.embeddings.position_embedding.weight',
  'visual.class_embedding': 'vision_model.embeddings.class_embedding',
  'visual.conv1.weight': 'vision_model.embeddings.patch_embedding.weight',
  'visual.positional_embedding': 'vision_model.embeddings.position_embedding.weight',
};

const rules: readonly (readonly [RegExp, string])[] = [
  [/^visual\.transformer\.resblocks\./, 'vision_model.encoder.layers.'],
  [/^transformer\.resblocks\./, 'text_model.encoder.layers.'],
  [/^visual\.ln_pre\./, 'vision_model.pre_layrnorm.'],
  [/^visual\.ln_post\./, 'vision_model.post_layernorm.'],
  [/^ln_final\./, 'text_model.final_layer_norm.'],
  [/\.attn\./, '.self_attn.'],
  [/\.ln_([12])\./, '.layer_norm$1.'],
  [/\.c_fc\./, '.fc1.'],
  [/\.c_proj\./, '.fc2.'],
];

const rename = (name: string): string =>
  exact[name] ??
  rules.reduce((renamed, [pattern, replacement]) => renamed.replace(pattern, replacement), name);

function third({ shape, values }: NamedWeight, part: number): NamedWeight {
  const [rows = 0, ...rest] = shape;
  return {
    shape: [rows / 3, ...rest],
    values: () => {
      const all = values();
      return all.subarray((part * all.length) / 3, ((part + 1) * all.length) / 3);
    },
  };
}

function transposed({ shape, values }: NamedWeight): NamedWeight {
  const [rows = 0, columns = 0] = shape;
  return {
    shape: [columns, rows],
    values: () => {
      const source = values();
      return Float32Array.from(source, (_, i) => source[(i % rows) * columns + Math.floor(i / rows)]!);
    },
  };
}
