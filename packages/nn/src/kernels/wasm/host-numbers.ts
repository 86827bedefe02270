/**
 * Tensors whose numbers lie outside the wasm heap, in an ordinary array of the type that they were stored with: frozen
 * matrices would fill its 4 GiB. Kernels that want an address or an id of such a tensor fail with an assertion; the few that
 * know of it ask for its numbers (`of`).
 */
import assert from 'node:assert';
import { type Tensor, tf } from '../../tensorflow.ts';
import { type StoredNumbers, storedAsFloats } from '../../vectors/stored-numbers.ts';

interface HostEntry {
  readonly shape: readonly number[];
  readonly dtype: 'float32';
  readonly numbers: StoredNumbers;
  /** Changed by the backend, which clones by counting. */
  refCount: number;
  readonly id: number;
  readonly memoryOffset: number;
}

/** The part of TensorFlow.js' wasm backend that finds, reads and releases the numbers of a tensor. */
export interface TensorData {
  readonly dataIdMap: {
    set(dataId: object, entry: object): void;
    delete(dataId: object): boolean;
  };
  readSync(dataId: object, start?: number, end?: number): unknown;
  disposeData(dataId: object, force?: boolean): boolean;
}

export class HostNumbers {
  readonly #backend: TensorData;
  readonly #entries = new WeakMap<object, HostEntry>();

  /** Of the backend, whose reading and releasing learn of these tensors. */
  constructor(backend: TensorData) {
    this.#backend = backend;
    const readSync = backend.readSync.bind(backend);
    const disposeData = backend.disposeData.bind(backend);
    backend.readSync = (dataId, start, end) => {
      const entry = this.#entries.get(dataId);
      return entry === undefined
        ? readSync(dataId, start, end)
        : storedAsFloats(entry.numbers).slice(start, end);
    };
    backend.disposeData = (dataId, force = false) =>
      this.#entries.has(dataId) ? this.#release(dataId, force) : disposeData(dataId, force);
  }

  /** A tensor over `numbers`, which must not change any more; they are released with it. */
  tensor<T extends Tensor>(numbers: StoredNumbers, shape: readonly number[]): T {
    const size = shape.reduce((product, length) => product * length, 1);
    assert(numbers.data.length === size, `${numbers.data.length} numbers for shape [${shape}]`);
    const dataId = {};
    const entry: HostEntry = {
      shape,
      dtype: 'float32',
      numbers,
      refCount: 1,
      get id() {
        return refuse();
      },
      get memoryOffset() {
        return refuse();
      },
    };
    this.#entries.set(dataId, entry);
    this.#backend.dataIdMap.set(dataId, entry);
    const handle = { dataId, shape: [...shape], dtype: 'float32' as const };
    return tf.engine().makeTensorFromTensorInfo(handle) as T;
  }

  /** The numbers, where the tensor is one of these. */
  of(tensor: tf.TensorInfo): StoredNumbers | undefined {
    return this.#entries.get(tensor.dataId)?.numbers;
  }

  #release(dataId: object, force: boolean): boolean {
    const entry = this.#entries.get(dataId)!;
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    this.#entries.delete(dataId);
    this.#backend.dataIdMap.delete(dataId);
    return true;
  }
}

const refuse = (): never =>
  assert.fail('a frozen matrix lies outside the wasm heap: only linear, embed and tf.matMul take it');
