/** The token table in files has all rows; in memory the new ones are a tensor of their own. */
import type { NamedWeight } from '../weights/weight-file.ts';
import { type FlamingoConfig, oldTokens } from './config.ts';
import { NEW_TOKEN_ROWS, TOKEN_TABLE } from './parameters.ts';

/** As read from a file, the table cut in two; a table of another shape is left for the layout to refuse. */
export function splitTokenTable(
  weights: ReadonlyMap<string, NamedWeight>,
  config: FlamingoConfig,
): Map<string, NamedWeight> {
  const { vocab_size: tokens, hidden_size: width } = config.text_config;
  const split = new Map(weights);
  const table = weights.get(TOKEN_TABLE);
  if (table?.shape[0] !== tokens || table.shape[1] !== width) return split;
  const old = oldTokens(config);
  split.set(TOKEN_TABLE, {
    shape: [old, width],
    values: () => table.values().subarray(0, old * width),
  });
  split.set(NEW_TOKEN_ROWS, {
    shape: [tokens - old, width],
    values: () => table.values().subarray(old * width),
  });
  return split;
}
