/** Weights of a file in canonical names, by the dialect that fits best, and back. Tensor-free. */
import { type Dialect, isOneOf, type Reading, readingsOf, writingOf } from './dialect.ts';
import { type NamedWeight, type NamedWeights, rowsOf, stackedRows, transposed } from './named-weights.ts';

export interface Translation {
  readonly dialect: Dialect;
  readonly weights: NamedWeights;
  /** Names of the file that the dialect does not know. */
  readonly unknown: readonly string[];
  /** Canonical names that two tensors of the file claim, with both. */
  readonly clashes: readonly { readonly name: string; readonly files: readonly [string, string] }[];
}

/** By the dialect that gives most of the wanted names; the first of equals. */
export function translate(
  file: NamedWeights,
  { dialects, wanted }: { readonly dialects: readonly Dialect[]; readonly wanted: ReadonlySet<string> },
): Translation {
  let best: { readonly translation: Translation; readonly found: number } | undefined;
  for (const dialect of dialects) {
    const translation = translateBy(dialect, file);
    const found = [...translation.weights.keys()].filter((name) => wanted.has(name)).length;
    if (!best || found > best.found) best = { translation, found };
  }
  if (!best) throw new RangeError('an architecture needs a dialect');
  return best.translation;
}

function translateBy(dialect: Dialect, file: NamedWeights): Translation {
  const weights = new Map<string, NamedWeight>();
  const origins = new Map<string, string>();
  const unknown: string[] = [];
  const clashes: { name: string; files: readonly [string, string] }[] = [];
  for (const [fileName, weight] of file) {
    if (isOneOf(dialect.ignored, fileName)) continue;
    const readings = readingsOf(dialect, fileName);
    if (!readings) unknown.push(fileName);
    for (const reading of readings ?? []) {
      const earlier = origins.get(reading.name);
      if (earlier !== undefined) clashes.push({ name: reading.name, files: [earlier, fileName] });
      origins.set(reading.name, fileName);
      weights.set(reading.name, partOf(weight, reading));
    }
  }
  return { dialect, weights, unknown, clashes };
}

/**
 * Canonical weights under the names of a dialect, packed and turned as it has them.
 * @throws RangeError where a weight has no place in the dialect, or a part of a packed tensor is missing.
 */
export function writtenIn(dialect: Dialect, weights: NamedWeights): NamedWeights {
  const parts = new Map<string, { readonly of: number; readonly weights: NamedWeight[] }>();
  for (const [name, weight] of weights) {
    const place = writingOf(dialect, name);
    if (!place) throw new RangeError(`${name} has no place among the names of ${dialect.name}`);
    const packed = parts.get(place.name) ?? { of: place.parts, weights: [] };
    packed.weights[place.part] = place.transposed ? transposed(weight) : weight;
    parts.set(place.name, packed);
  }
  return new Map(
    [...parts].map(([name, { of, weights: packed }]) => {
      if (packed.filter(Boolean).length !== of) throw new RangeError(`${name} lacks one of its ${of} parts`);
      return [name, of === 1 ? packed[0]! : stackedRows(packed)];
    }),
  );
}

/** A shape that the transformation does not fit is left alone: the comparison with the configuration names it. */
function partOf(weight: NamedWeight, { part, parts, transposed: turned }: Reading): NamedWeight {
  if (turned) return weight.shape.length === 2 ? transposed(weight) : weight;
  return parts > 1 && (weight.shape[0] ?? 0) % parts === 0 ? rowsOf(weight, { part, parts }) : weight;
}
