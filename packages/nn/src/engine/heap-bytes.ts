import { tf } from '../tensorflow.ts';

/** Size of the wasm backend's heap, which never shrinks; undefined where another backend is active. */
export function wasmHeapBytes(): number | undefined {
  if (tf.getBackend() !== 'wasm') return undefined;
  const { wasm } = tf.backend() as unknown as { readonly wasm: { readonly HEAPU8: Uint8Array } };
  return wasm.HEAPU8.length;
}
