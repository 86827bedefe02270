/** The bytes of a tensor as numbers, and numbers as bytes of a type. */
import { TriptychError } from '@triptych/protocol';
import { floatToHalf } from '../vectors/half-float.ts';
import { fromBfloat16, fromFloat16, toBfloat16 } from '../vectors/vector-unit.ts';
import type { SafetensorsDtype } from './dtype.ts';

/** As float32: a window on `bytes` where they are F32 and aligned, else a new array. Rounds F64, I32 and I64. */
export function floats(dtype: SafetensorsDtype, bytes: Uint8Array): Float32Array {
  if (dtype === 'F32' && bytes.byteOffset % 4 === 0)
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  // The file gives no alignment, so the bytes are copied first.
  const { buffer } = new Uint8Array(bytes);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return fromFloat16(new Uint16Array(buffer));
    case 'BF16':
      return fromBfloat16(new Uint16Array(buffer));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'U64':
      return Float32Array.from(new BigUint64Array(buffer), Number);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer));
    case 'U32':
      return Float32Array.from(new Uint32Array(buffer));
    case 'I16':
      return Float32Array.from(new Int16Array(buffer));
    case 'U16':
      return Float32Array.from(new Uint16Array(buffer));
    case 'I8':
      return Float32Array.from(new Int8Array(buffer));
    case 'U8':
    case 'BOOL':
      return Float32Array.from(new Uint8Array(buffer));
    default:
      throw new TriptychError(
        'MODEL_INVALID',
        `Numbers of type ${dtype} cannot be read; export as F32, F16 or BF16`,
      );
  }
}

/** The types that weights are written in. */
export type WeightDtype = 'F32' | 'F16' | 'BF16';

export const isWeightDtype = (dtype: string): dtype is WeightDtype =>
  dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';

/** Rounded to nearest, ties to even. A window on `numbers` where they are written as they are. */
export function bytesOfFloats(dtype: WeightDtype, numbers: Float32Array): Uint8Array {
  const packed =
    dtype === 'F32'
      ? numbers
      : dtype === 'BF16'
        ? toBfloat16(numbers)
        : Uint16Array.from(numbers, floatToHalf);
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}
