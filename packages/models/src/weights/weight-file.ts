/**
 * Weights in a file that is in memory as a whole, under their canonical names. A file must hold exactly the parameters of a
 * layout; whatever is missing, left over or of another shape is reported in one error. Folders: folder-weights.ts.
 */
import {
  type ParameterLayout,
  type SafetensorsDtype,
  type SafetensorsFile,
  safetensorsPieces,
  type TensorToWrite,
  writeSafetensors,
} from '@triptych/nn';
import { TriptychError, type Violation } from '@triptych/protocol';
import { type Dialect, isOneOf, readingsOf } from './dialect.ts';
import { fitViolations } from './fit.ts';

/** A parameter as read: in PyTorch layout. */
export interface WeightInMemory {
  readonly shape: readonly number[];
  readonly dtype: SafetensorsDtype;
  /** Possibly a window on the file. */
  readonly values: () => Float32Array;
}

/** What of a file the dialect knows, renamed; what it packs or turns is left to folder-weights.ts. */
export function weightsInMemory(file: SafetensorsFile, dialect: Dialect): Map<string, WeightInMemory> {
  const weights = new Map<string, WeightInMemory>();
  for (const [name, { shape, dtype, float32Window }] of file.tensors) {
    if (isOneOf(dialect.ignored, name)) continue;
    const [reading] = readingsOf(dialect, name) ?? [];
    if (reading?.parts === 1 && !reading.transposed)
      weights.set(reading.name, { shape, dtype, values: float32Window });
  }
  return weights;
}

/**
 * The flat parameter buffer of the layout.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function flattenWeights(
  weights: ReadonlyMap<string, WeightInMemory>,
  layout: ParameterLayout,
  isSpare: (name: string) => boolean = () => false,
): Float32Array {
  const violations = fitViolations(weights, {
    config: {},
    parameters: () => layout.specs,
    isSpare,
    file: 'model.safetensors',
  });
  if (violations.length > 0) throw invalidWeights(violations);
  const flat = new Float32Array(layout.length);
  for (const { name, offset } of layout.named()) flat.set(weights.get(name)!.values(), offset);
  return flat;
}

/** `flat` under Hugging Face names; equal weights give equal bytes. */
export const weightFile = (layout: ParameterLayout, flat: Float32Array): Uint8Array =>
  writeSafetensors(namedWindows(layout, flat), METADATA);

/** The bytes of the same file in order, as windows on `flat`. */
export const weightFilePieces = (layout: ParameterLayout, flat: Float32Array): Generator<Uint8Array, void> =>
  safetensorsPieces(namedWindows(layout, flat), METADATA);

const METADATA = { format: 'pt' };

const namedWindows = (layout: ParameterLayout, flat: Float32Array): TensorToWrite[] =>
  [...layout.named()].map(({ name, shape, offset, length }) => ({
    name,
    shape,
    data: flat.subarray(offset, offset + length),
  }));

function invalidWeights(violations: readonly Violation[]): TriptychError {
  const lines = violations.map(
    ({ path, expected, actual }) => `${path.slice(1)}: expected ${expected}, got ${actual}`,
  );
  const message = `The weights do not fit config.json in ${violations.length} places: ${lines.join(' | ')}`;
  return new TriptychError('MODEL_INVALID', message, { violations });
}
