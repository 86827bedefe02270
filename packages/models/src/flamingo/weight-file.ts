/**
 * Flamingo weights in files: one file under OpenFlamingo's names, with the vision tower at `vision_encoder.` and the decoder at
 * `lang_encoder.`. The token table is whole there, while the model has its new rows apart.
 */
import type { SafetensorsFile } from '@triptych/nn';
import type { NamedTensor } from '../model-weights.ts';
import { isOneOf } from '../weights/dialect.ts';
import { flamingoFiles } from '../weights/dialects/flamingo.ts';
import { floatsOf } from '../weights/stored-tensor.ts';
import { flattenWeights, weightsInMemory } from '../weights/weight-file.ts';
import type { FlamingoConfig } from './config.ts';
import { flamingoLayout } from './layout.ts';
import { NEW_TOKEN_ROWS, TOKEN_TABLE } from './parameters.ts';
import { splitTokenTable } from './token-rows.ts';

/**
 * The flat parameter buffer of `flamingoLayout(config)`.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function loadFlamingoWeights(file: SafetensorsFile, config: FlamingoConfig): Float32Array {
  const isSpare = (name: string) =>
    config.text_config.tie_word_embeddings && isOneOf(flamingoFiles.spare, name);
  const weights = splitTokenTable(weightsInMemory(file, flamingoFiles), config);
  return flattenWeights(weights, flamingoLayout(config), isSpare);
}

/** As files have them: the new rows below the others, in one table. */
export function joinTokenTable(tensors: readonly NamedTensor[]): NamedTensor[] {
  const rows = tensors.find(({ name }) => name === NEW_TOKEN_ROWS);
  if (rows === undefined) return [...tensors];
  return tensors
    .filter((tensor) => tensor !== rows)
    .map((tensor) => (tensor.name === TOKEN_TABLE ? joined(tensor, rows) : tensor));
}

function joined(table: NamedTensor, rows: NamedTensor): NamedTensor {
  const shape = [table.shape[0]! + rows.shape[0]!, table.shape[1]!];
  return {
    name: table.name,
    shape,
    trained: table.trained || rows.trained,
    async read() {
      const [before, after] = [floatsOf(await table.read()), floatsOf(await rows.read())];
      const data = new Float32Array(before.length + after.length);
      data.set(before);
      data.set(after, before.length);
      return { shape, dtype: 'F32', data };
    },
  };
}
