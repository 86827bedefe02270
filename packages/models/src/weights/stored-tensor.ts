/** The numbers of a stored tensor. Tensor-free. */
import { storedAsFloats } from '@triptych/nn/safetensors';
import type { StoredTensor } from './weight-source.ts';

/** As float32; the stored array itself where it is that already. */
export const floatsOf = (tensor: StoredTensor): Float32Array => storedAsFloats(tensor);

export const bytesOf = ({ data }: StoredTensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
