/** Files of a Hugging Face folder: the weights in pieces, JSON and text. */
import { bytesOfFloats } from '@triptych/nn';
import { safetensorsFiles } from '@triptych/nn/safetensors';
import { TriptychError } from '@triptych/protocol';
import type { ModelFile } from './model.ts';
import type { ModelWeights } from './model-weights.ts';
import { floatsOf } from './weights/stored-tensor.ts';

/**
 * The whole model under its Hugging Face names, one tensor in memory at a time; equal weights give equal bytes. One file,
 * `model.safetensors`, or shards and their index above `shardBytes` (5 GB).
 */
export const weightsContent = (
  weights: Pick<ModelWeights, 'named'>,
  options: { readonly shardBytes?: number } = {},
): readonly ModelFile[] =>
  safetensorsFiles(
    weights.named().map(({ name, shape, read }) => ({
      name,
      shape,
      dtype: 'F32' as const,
      read: async () => bytesOfFloats('F32', floatsOf(await read())),
    })),
    { ...options, metadata: { format: 'pt' } },
  );

export const jsonFile = (path: string, value: unknown): ModelFile =>
  textFile(path, `${JSON.stringify(value, null, 2)}\n`);

export const textFile = (path: string, text: string): ModelFile => ({
  path,
  content: new TextEncoder().encode(text),
});

/** @throws TriptychError MODEL_INVALID where the text is no JSON. */
export function jsonOf(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', `${path} is not JSON`, { cause });
  }
}
