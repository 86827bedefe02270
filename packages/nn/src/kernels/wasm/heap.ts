/**
 * Tensors as addresses on the heap of the TensorFlow.js wasm module, and the own kernels that share it. The heap may
 * grow at any allocation, and old typed arrays go dead: views are made anew on every call and never kept.
 */
import assert from 'node:assert';
import { memoryRemedy, TriptychError } from '@triptych/protocol';
import { kernelsBase64 } from '../../generated/kernels.ts';
import { type Tensor, tf } from '../../tensorflow.ts';
import { storedAsFloats } from '../../vectors/stored-numbers.ts';
import { HostNumbers, type TensorData } from './host-numbers.ts';

interface WasmBackend extends TensorData {
  readonly dataIdMap: TensorData['dataIdMap'] & { get(dataId: object): { readonly memoryOffset: number } };
  readonly wasm: {
    readonly HEAPU8: Uint8Array;
    readonly asm: Record<string, unknown>;
    _malloc: (bytes: number) => number;
    _free(address: number): void;
  };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  incRef(dataId: object): void;
}

/** The exports of assembly/index.ts; every pointer is in bytes. */
export type AssemblyKernels = Record<
  | 'addBias'
  | 'addScaled'
  | 'attention'
  | 'attentionGradient'
  | 'columnSum'
  | 'copyRows'
  | 'crossEntropyGradient'
  | 'dots'
  | 'gatherHeads'
  | 'gatherRows'
  | 'gelu'
  | 'geluGradient'
  | 'gemm'
  | 'layerNorm'
  | 'layerNormGradient'
  | 'rmsNorm'
  | 'rmsNormGradient'
  | 'rotate'
  | 'scatterHeads'
  | 'scatterRows'
  | 'softmaxGradientRows'
  | 'softmaxRows'
  | 'swiGlu'
  | 'swiGluGradient'
  | 'unpackBfloat16'
  | 'unpackFloat16',
  (...numbers: number[]) => void
> &
  Record<'attentionBlock' | 'crossEntropy' | 'gemmScratchBytes', (...numbers: number[]) => number>;

/** The part of the WebAssembly namespace that is used; Node's type definitions have none of it. */
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => object;
  instantiate(
    module: Uint8Array,
    imports: object,
  ): Promise<{ readonly instance: { readonly exports: unknown } }>;
};

export class WasmHeap {
  readonly kernels: AssemblyKernels;
  /** Scratch memory for one matrix product at a time, never freed. */
  readonly gemmScratch: number;
  /** Frozen matrices, which are not on the heap. */
  readonly host: HostNumbers;
  readonly #backend: WasmBackend;

  private constructor(backend: WasmBackend, kernels: AssemblyKernels) {
    this.#backend = backend;
    this.kernels = kernels;
    this.host = new HostNumbers(backend);
    this.gemmScratch = backend.wasm._malloc(kernels.gemmScratchBytes());
  }

  /** Of the active backend, which must be `wasm`. */
  static async open(): Promise<WasmHeap> {
    const backend = tf.backend() as unknown as WasmBackend;
    const memory = Object.values(backend.wasm.asm).find((value) => value instanceof WebAssembly.Memory);
    assert(memory !== undefined, 'the TensorFlow.js wasm module does not export its memory');
    checkAllocations(backend.wasm);
    const { instance } = await WebAssembly.instantiate(Buffer.from(kernelsBase64, 'base64'), {
      env: { memory },
    });
    return new WasmHeap(backend, instance.exports as AssemblyKernels);
  }

  /** The address of the first byte. Above 2 GiB it is the same for wasm, whichever sign it has. */
  address(tensor: tf.TensorInfo): number {
    return this.#backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** A window on the numbers, valid until the next allocation; a copy for a tensor that is kept in 16 bits outside the heap. */
  floats(tensor: tf.TensorInfo): Float32Array {
    const numbers = this.host.of(tensor);
    return numbers === undefined ? new Float32Array(...this.#place(tensor)) : storedAsFloats(numbers);
  }

  /** The same for int32 numbers. */
  integers(tensor: tf.TensorInfo): Int32Array {
    return new Int32Array(...this.#place(tensor));
  }

  #place(tensor: tf.TensorInfo): [ArrayBuffer, number, number] {
    const { buffer } = this.#backend.wasm.HEAPU8;
    return [buffer as ArrayBuffer, this.address(tensor) >>> 0, sizeOf(tensor.shape)];
  }

  /** A window on `count` numbers from this address on, valid until the next allocation. */
  floatsAt(address: number, count: number): Float32Array {
    return new Float32Array(this.#backend.wasm.HEAPU8.buffer, address >>> 0, count);
  }

  /** The same for numbers in 16 bits. */
  halvesAt(address: number, count: number): Uint16Array {
    return new Uint16Array(this.#backend.wasm.HEAPU8.buffer, address >>> 0, count);
  }

  /** Uninitialised numbers, not yet known to the engine. */
  allocate(shape: readonly number[], dtype: tf.DataType = 'float32'): tf.TensorInfo {
    return this.#backend.makeOutput(shape, dtype);
  }

  /** An uninitialised float32 tensor. */
  tensor<T extends Tensor>(shape: readonly number[]): T {
    return tf.engine().makeTensorFromTensorInfo(this.allocate(shape)) as T;
  }

  /** Of what `allocate` gave, if the engine never learnt of it. */
  release(tensor: tf.TensorInfo): void {
    this.#backend.disposeData(tensor.dataId);
  }

  /** The same bytes under another handle. */
  share(tensor: tf.TensorInfo): tf.TensorInfo {
    this.#backend.incRef(tensor.dataId);
    return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
  }

  /** Copies `bytes` from one address to another. */
  move(from: number, to: number, bytes: number): void {
    const start = from >>> 0;
    this.#backend.wasm.HEAPU8.copyWithin(to >>> 0, start, start + bytes);
  }

  /** Runs `use` with the address of a copy of `values`. */
  withCopy<T>(values: Float32Array | Int32Array, use: (address: number) => T): T {
    return this.withScratch(values.byteLength, (address) => {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      this.#backend.wasm.HEAPU8.set(bytes, address >>> 0);
      return use(address);
    });
  }

  /** Runs `use` with the address of `bytes` of scratch memory. */
  withScratch<T>(bytes: number, use: (address: number) => T): T {
    const address = this.#backend.wasm._malloc(bytes);
    try {
      return use(address);
    } finally {
      this.#backend.wasm._free(address);
    }
  }
}

/**
 * Every tensor is allocated through this one function. At the end of its 4 GiB it returns 0 or, when the sum wraps
 * around, an address beyond the end, and TensorFlow.js writes there without looking.
 */
function checkAllocations(wasm: WasmBackend['wasm']): void {
  // Its first call replaces the property, and would replace ours.
  wasm._free(wasm._malloc(16));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = allocate(bytes);
    const end = (address >>> 0) + bytes;
    if ((address === 0 && bytes > 0) || end > wasm.HEAPU8.length) {
      const used = Math.round(wasm.HEAPU8.length / 2 ** 20);
      const message = `${bytes} bytes do not fit on the wasm heap (${used} of 4096 MiB in use)`;
      const remedy = `${memoryRemedy}, or use another backend: this one has no more on any machine`;
      throw new TriptychError('OUT_OF_MEMORY', `${message}; ${remedy}`);
    }
    return address;
  };
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);
