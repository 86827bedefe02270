/**
 * SIMD over vectors that lie in plain JavaScript memory, whatever the tensor backend: pieces of them are copied to a small
 * wasm memory of this module's own, computed there, and copied back, all within the second-level cache. Optimizer state
 * need not be on the heap of a backend, and is updated at several times the speed of a loop.
 */
import { kernelsBase64 } from '../generated/kernels.ts';

/** Floats of one vector that are worked on at a time; a multiple of 8. */
const PIECE = 8192;
const VECTORS = 4;

type Kernel = (...numbers: number[]) => void;
type VectorKernels = Record<'adamw' | 'packBfloat16' | 'unpackBfloat16' | 'unpackFloat16', Kernel>;

/** The part of the WebAssembly namespace that is used; Node's type definitions have none of it. */
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface VectorUnit {
  readonly kernels: VectorKernels;
  /** `VECTORS` windows of `PIECE` floats; number i begins at byte `4 * PIECE * i`. */
  readonly floats: readonly Float32Array[];
}

let unit: VectorUnit | undefined;

function open(): VectorUnit {
  const pageBytes = 65_536;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * PIECE * VECTORS) / pageBytes) });
  const module = new WebAssembly.Module(Buffer.from(kernelsBase64, 'base64'));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const floats = Array.from(
    { length: VECTORS },
    (_, i) => new Float32Array(memory.buffer, 4 * PIECE * i, PIECE),
  );
  return { kernels: exports as VectorKernels, floats };
}

export interface Piecewise {
  /** All of one length. The kernel gets their pieces in this order, at {@link addressOf} 0, 1, ... */
  readonly vectors: readonly Float32Array[];
  /** Which of them the kernel changes. */
  readonly changed: readonly number[];
  readonly from: number;
  readonly to: number;
}

export const addressOf = (vector: number): number => 4 * PIECE * vector;

/** Runs `compute` on one piece after the other; `count` is rounded up to a multiple of 8, what is too much is dropped. */
export function piecewise(
  { vectors, changed, from, to }: Piecewise,
  compute: (kernels: VectorKernels, count: number) => void,
): void {
  unit ??= open();
  const { kernels, floats } = unit;
  for (let start = from; start < to; start += PIECE) {
    const end = Math.min(start + PIECE, to);
    for (const [i, vector] of vectors.entries()) floats[i]!.set(vector.subarray(start, end));
    compute(kernels, Math.ceil((end - start) / 8) * 8);
    for (const i of changed) vectors[i]!.set(floats[i]!.subarray(0, end - start), start);
  }
}

/** bfloat16 (the upper half of each float32, rounded to nearest even). */
export function toBfloat16(values: Float32Array): Uint16Array {
  const packed = new Uint16Array(values.length);
  let at = 0;
  piecewise({ vectors: [values], changed: [], from: 0, to: values.length }, (kernels, count) => {
    kernels.packBfloat16(addressOf(0), addressOf(1), count);
    const length = Math.min(PIECE, values.length - at);
    packed.set(new Uint16Array(unit!.floats[1]!.buffer, addressOf(1), length), at);
    at += length;
  });
  return packed;
}

/** The float32 numbers that bfloat16 ones stand for, exactly. */
export const fromBfloat16 = (packed: Uint16Array): Float32Array => unpacked(packed, 'unpackBfloat16');

/** The float32 numbers that IEEE 754 halves stand for, exactly. */
export const fromFloat16 = (packed: Uint16Array): Float32Array => unpacked(packed, 'unpackFloat16');

function unpacked(packed: Uint16Array, kernel: 'unpackBfloat16' | 'unpackFloat16'): Float32Array {
  unit ??= open();
  const { kernels, floats } = unit;
  const values = new Float32Array(packed.length);
  const halves = new Uint16Array(floats[0]!.buffer, 0, PIECE);
  for (let start = 0; start < packed.length; start += PIECE) {
    const piece = packed.subarray(start, start + PIECE);
    halves.set(piece);
    kernels[kernel](addressOf(0), addressOf(1), piece.length);
    values.set(floats[1]!.subarray(0, piece.length), start);
  }
  return values;
}
