/** Numbers in the type that a file has them in. */
import { fromBfloat16, fromFloat16 } from './vector-unit.ts';

/** `data` may be a window on a file, or shared between threads; nobody writes to it. */
export type StoredNumbers =
  | { readonly dtype: 'F32'; readonly data: Float32Array }
  | { readonly dtype: 'F16' | 'BF16'; readonly data: Uint16Array };

/** Exactly those numbers; the stored array itself where it is float32 already. */
export function storedAsFloats({ dtype, data }: StoredNumbers): Float32Array {
  if (dtype === 'F32') return data;
  return dtype === 'BF16' ? fromBfloat16(data) : fromFloat16(data);
}

export const isShared = ({ buffer }: Float32Array | Uint16Array): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;

/** A copy, where the array is one that other libraries may not take. */
export const unshared = (numbers: Float32Array): Float32Array =>
  isShared(numbers) ? new Float32Array(numbers) : numbers;
