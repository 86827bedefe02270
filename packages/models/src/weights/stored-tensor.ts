/** The numbers of a stored tensor. */
import { fromBfloat16, fromFloat16 } from '@triptych/nn';
import type { StoredTensor } from './weight-source.ts';

/** As float32; the stored array itself where it is that already. */
export function floatsOf(tensor: StoredTensor): Float32Array {
  if (tensor.dtype === 'F32') return tensor.data;
  return tensor.dtype === 'BF16' ? fromBfloat16(tensor.data) : fromFloat16(tensor.data);
}

export const bytesOf = ({ data }: StoredTensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
