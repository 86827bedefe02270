/** The token table in files has all rows; in memory the new ones are a tensor of their own. */
import { type NamedWeights, rowRange } from '../weights/named-weights.ts';
import type { WeightInMemory } from '../weights/weight-file.ts';
import { type FlamingoConfig, oldTokens } from './config.ts';
import { NEW_TOKEN_ROWS, TOKEN_TABLE } from './parameters.ts';

/** As read from a file, the table cut in two; a table of another shape is left for the layout to refuse. */
export function splitTokenTable(
  weights: ReadonlyMap<string, WeightInMemory>,
  config: FlamingoConfig,
): Map<string, WeightInMemory> {
  const { vocab_size: tokens, hidden_size: width } = config.text_config;
  const split = new Map(weights);
  const table = weights.get(TOKEN_TABLE);
  if (table?.shape[0] !== tokens || table.shape[1] !== width) return split;
  const old = oldTokens(config);
  split.set(TOKEN_TABLE, {
    ...table,
    shape: [old, width],
    values: () => table.values().subarray(0, old * width),
  });
  split.set(NEW_TOKEN_ROWS, {
    ...table,
    shape: [tokens - old, width],
    values: () => table.values().subarray(old * width),
  });
  return split;
}

/** The same of weights that are read when they are asked for. */
export function splitStoredTable(weights: NamedWeights, config: FlamingoConfig): NamedWeights {
  const { vocab_size: tokens, hidden_size: width } = config.text_config;
  const table = weights.get(TOKEN_TABLE);
  if (table?.shape[0] !== tokens || table.shape[1] !== width) return weights;
  const old = oldTokens(config);
  return new Map([
    ...weights,
    [TOKEN_TABLE, rowRange(table, { from: 0, to: old })],
    [NEW_TOKEN_ROWS, rowRange(table, { from: old, to: tokens })],
  ]);
}
