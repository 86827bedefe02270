/**
 * Whether canonical weights are those that a configuration asks for. Where one field of the configuration explains many
 * differences, that field is named once; what is left is told tensor by tensor, or group by group. Tensor-free.
 */
import type { SafetensorsDtype } from '@triptych/nn/safetensors';
import { show, type Violation } from '@triptych/protocol';
import type { NamedShape, ParameterTensor } from '../catalog/parameter-tensor.ts';
import { type ConfigChange, explain } from './explain.ts';
import { named } from './name-groups.ts';

export interface ShapeAndType {
  readonly shape: readonly number[];
  readonly dtype: SafetensorsDtype;
}

export interface Expectation {
  readonly config: object;
  readonly parameters: (config: object) => readonly ParameterTensor[];
  /** Canonical names that may be there all the same. */
  readonly isSpare: (name: string) => boolean;
  /** Of the weights, for messages. */
  readonly file: string;
}

export interface Difference {
  readonly missing: readonly NamedShape[];
  readonly misshapen: readonly (NamedShape & { readonly actual: readonly number[] })[];
  readonly unexpected: readonly NamedShape[];
}

/** Empty where every parameter is there, in its shape and in a type that can be read, and none besides. */
export function fitViolations(
  weights: ReadonlyMap<string, ShapeAndType>,
  { config, parameters, isSpare, file }: Expectation,
): Violation[] {
  const differenceFor = (candidate: object) =>
    difference(
      weights,
      parameters(candidate).flatMap(({ parts }) => parts),
      isSpare,
    );
  const { changes, left } = explain(config, differenceFor);
  return [...changes.map(changeViolation), ...leftViolations(left, file), ...typeViolations(weights, file)];
}

/** A scalar may be stored as [] or as [1]. */
export const isSameShape = (a: readonly number[], b: readonly number[]): boolean =>
  (a.length === b.length && a.every((extent, axis) => extent === b[axis])) ||
  (a.length + b.length === 1 && (a[0] ?? b[0]) === 1);

function difference(
  weights: ReadonlyMap<string, ShapeAndType>,
  expected: readonly NamedShape[],
  isSpare: (name: string) => boolean,
): Difference {
  const missing: NamedShape[] = [];
  const misshapen: (NamedShape & { actual: readonly number[] })[] = [];
  const names = new Set<string>();
  for (const { name, shape } of expected) {
    names.add(name);
    const weight = weights.get(name);
    if (!weight) missing.push({ name, shape });
    else if (!isSameShape(weight.shape, shape)) misshapen.push({ name, shape, actual: weight.shape });
  }
  const unexpected = [...weights]
    .filter(([name]) => !names.has(name) && !isSpare(name))
    .map(([name, { shape }]) => ({ name, shape }));
  return { missing, misshapen, unexpected };
}

const changeViolation = ({ path, configured, actual }: ConfigChange): Violation => ({
  path: `/config.json${path}`,
  expected: `${actual}, as in the weights`,
  actual: `${configured}`,
  remedy: 'use the config.json of these weights',
});

function leftViolations({ missing, misshapen, unexpected }: Difference, file: string): Violation[] {
  const at = (name: string) => `/${file}/${name}`;
  return [
    ...named(missing).map(({ name, count, example }) => ({
      path: at(name),
      expected: count === 1 ? `a tensor of shape ${show(example.shape)}` : `${count} tensors`,
      actual: 'nothing',
      remedy: 'export the whole model, or use the config.json of these weights',
    })),
    ...named(misshapen).map(({ name, count, example }) => ({
      path: at(name),
      expected: `shape ${show(example.shape)}`,
      actual: `${show(example.actual)}${count > 1 ? `, and ${count - 1} more` : ''}`,
      remedy: 'use the config.json of these weights',
    })),
    ...named(unexpected).map(({ name, count, example }) => ({
      path: at(name),
      expected: count === 1 ? 'no such tensor' : 'no such tensors',
      actual: count === 1 ? `shape ${show(example.shape)}` : `${count} of them`,
      remedy: 'use the config.json of these weights, or leave them out',
    })),
  ];
}

function typeViolations(weights: ReadonlyMap<string, ShapeAndType>, file: string): Violation[] {
  const unreadable = [...weights]
    .filter(([, { dtype }]) => dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    .map(([name, weight]) => ({ name, ...weight }));
  return named(unreadable).map(({ name, count, example }) => ({
    path: `/${file}/${name}`,
    expected: 'F32, F16 or BF16',
    actual: `${example.dtype}${count > 1 ? ` (${count} tensors)` : ''}`,
    remedy: 'export in one of these types',
  }));
}
