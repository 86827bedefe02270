/**
 * Weights in files, under Hugging Face names. A file must hold exactly the parameters of a layout; whatever is missing,
 * left over or of another shape is reported in one error. Other dialects are the architectures' business.
 */
import {
  type ParameterLayout,
  type SafetensorsFile,
  safetensorsPieces,
  type TensorToWrite,
  writeSafetensors,
} from '@triptych/nn';
import { TriptychError, type Violation } from '@triptych/protocol';

/** A parameter as read: in PyTorch layout. */
export interface NamedWeight {
  readonly shape: readonly number[];
  /** Possibly a window on the file. */
  readonly values: () => Float32Array;
}

/** What a file holds, without the tensors whose name matches `ignored`. */
export function namedWeights(file: SafetensorsFile, ignored: RegExp): Map<string, NamedWeight> {
  const weights = new Map<string, NamedWeight>();
  for (const [name, tensor] of file.tensors)
    if (!ignored.test(name)) weights.set(name, { shape: tensor.shape, values: () => tensor.float32Window() });
  return weights;
}

/**
 * The flat parameter buffer of the layout.
 * @throws TriptychError MODEL_INVALID naming every missing, unexpected and wrongly shaped tensor.
 */
export function flattenWeights(
  weights: ReadonlyMap<string, NamedWeight>,
  layout: ParameterLayout,
): Float32Array {
  const flat = new Float32Array(layout.length);
  const violations: Violation[] = [];
  const left = new Map(weights);
  for (const { name, shape, offset } of layout.named()) {
    const weight = left.get(name);
    left.delete(name);
    if (weight === undefined) violations.push(missing(name, shape));
    else if (!sameShape(weight.shape, shape)) violations.push(misshapen(name, shape, weight.shape));
    else flat.set(weight.values(), offset);
  }
  for (const [name, { shape }] of left) violations.push(unexpected(name, shape));
  if (violations.length > 0) throw invalidWeights(violations);
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

/** A scalar may be stored as [] or as [1]. */
const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  text(a) === text(b) || (b.length === 0 && text(a) === text([1]));

const text = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

const missing = (name: string, shape: readonly number[]): Violation => ({
  path: `/${name}`,
  expected: `a tensor of shape ${text(shape)}`,
  actual: 'nothing',
  remedy: 'add the tensor, or correct config.json',
});

const misshapen = (name: string, shape: readonly number[], actual: readonly number[]): Violation => ({
  path: `/${name}`,
  expected: `shape ${text(shape)}`,
  actual: text(actual),
  remedy: 'config.json describes another model: correct it',
});

const unexpected = (name: string, shape: readonly number[]): Violation => ({
  path: `/${name}`,
  expected: 'no such tensor',
  actual: `shape ${text(shape)}`,
  remedy: 'remove the tensor, or correct config.json',
});

function invalidWeights(violations: readonly Violation[]): TriptychError {
  const lines = violations.map(
    ({ path, expected, actual }) => `${path.slice(1)}: expected ${expected}, got ${actual}`,
  );
  const message = `The weights do not fit config.json in ${violations.length} places: ${lines.join(' | ')}`;
  return new TriptychError('MODEL_INVALID', message, { violations });
}
