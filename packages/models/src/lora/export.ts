/** Adapters in files: merged into the weights of their model, and by themselves as PEFT reads them. */
import { safetensorsPieces } from '@triptych/nn';
import type { ModelFile } from '../model.ts';
import { jsonFile } from '../model-files.ts';
import type { NamedTensor } from '../model-weights.ts';
import type { Weights } from '../transformer/weights.ts';
import { floatsOf } from '../weights/stored-tensor.ts';
import type { Adapters } from './adapters.ts';
import { adapterTargets } from './options.ts';

/** The same tensors with what the adapters add to them; read one at a time. */
export const mergedTensors = (
  tensors: readonly NamedTensor[],
  adapters: Adapters,
  weights: Weights,
): NamedTensor[] =>
  tensors.map((tensor) => ({
    ...tensor,
    async read() {
      const stored = await tensor.read();
      const delta = await adapters.delta(tensor.name, weights);
      if (delta === undefined) return stored;
      const values = floatsOf(stored);
      for (const [i, value] of values.entries()) delta[i]! += value;
      return { shape: stored.shape, dtype: 'F32', data: delta };
    },
  }));

export interface AdapterFolder {
  readonly adapters: Adapters;
  /** A and B of every matrix, and what else was trained, under canonical names. */
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Float32Array;
  }[];
  /** Canonical names to those of the model in memory, to which PEFT refers. */
  readonly moduleName: (name: string) => string;
  /** A regular expression of the modules that have adapters: their names alone would fit other towers too. */
  readonly within: string;
  /** Modules that were trained whole. */
  readonly whole: readonly string[];
}

/** `adapter/adapter_model.safetensors` and its configuration. */
export function adapterFolder({ adapters, tensors, moduleName, within, whole }: AdapterFolder): ModelFile[] {
  const { rank, alpha, dropout, rankStabilised } = adapters.options;
  return [
    jsonFile('adapter/adapter_config.json', {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: null,
      r: rank,
      lora_alpha: alpha,
      lora_dropout: dropout,
      use_rslora: rankStabilised,
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      target_modules: `${within}\\.(${adapterTargets.join('|')})`,
      modules_to_save: whole.length > 0 ? whole : null,
    }),
    {
      path: 'adapter/adapter_model.safetensors',
      content: async function* () {
        const named = tensors.map((tensor) => ({
          ...tensor,
          name: `base_model.model.${moduleName(tensor.name)}`,
        }));
        yield* safetensorsPieces(named, { format: 'pt' });
      },
    },
  ];
}
