/** Checks of results, and the numbers that they need. */
import { compare, type Tolerance, type tf } from '@triptych/nn';
import type { ExactCheck, MissingCheck, NumbersCheck } from './launch/check.ts';

export const numbers = (
  name: string,
  {
    actual,
    expected,
    tolerance,
  }: { actual: ArrayLike<number>; expected: ArrayLike<number>; tolerance: Tolerance },
): NumbersCheck => ({ kind: 'numbers', name, tolerance, ...compare(actual, expected, tolerance) });

export function exact(name: string, actual: ArrayLike<unknown>, expected: ArrayLike<unknown>): ExactCheck {
  const items = Math.max(actual.length, expected.length);
  const differing = Array.from({ length: items }, (_, i) => i).filter(
    (i) => !Object.is(actual[i], expected[i]),
  );
  return {
    kind: 'exact',
    name,
    items,
    different: differing.length,
    within: differing.length === 0,
    ...(differing.length > 0 && { note: `first at ${differing.slice(0, 5).join(', ')}` }),
  };
}

export const missing = (name: string): MissingCheck => ({ kind: 'missing', name, within: false });

/** The numbers of a tensor, which stays its owner's. */
export const valuesOf = async (tensor: tf.Tensor): Promise<Float32Array> =>
  Float32Array.from(await tensor.data<'float32'>());

/** The numbers of a tensor, which is disposed. */
export async function numbersOf(tensor: tf.Tensor): Promise<Float32Array> {
  try {
    return await valuesOf(tensor);
  } finally {
    tensor.dispose();
  }
}
