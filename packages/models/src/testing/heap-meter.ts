/** Counts what tensors take on the wasm heap, by looking at every allocation: what an estimate is compared with. */
import { tf } from '@triptych/nn';

interface Allocator {
  _malloc: (bytes: number) => number;
  _free: (address: number) => void;
}

export class HeapMeter {
  /** Bytes allocated since the meter was made and not freed. */
  live = 0;
  /** The most that `live` has been. */
  peak = 0;

  /** Of the wasm backend, which must be the active one, for the rest of the process. */
  constructor() {
    const { wasm } = tf.backend() as unknown as { wasm: Allocator };
    const { _malloc: allocate, _free: free } = wasm;
    const sizes = new Map<number, number>();
    wasm._malloc = (bytes) => {
      const address = allocate(bytes);
      sizes.set(address >>> 0, bytes);
      this.live += bytes;
      this.peak = Math.max(this.peak, this.live);
      return address;
    };
    wasm._free = (address) => {
      this.live -= sizes.get(address >>> 0) ?? 0;
      sizes.delete(address >>> 0);
      free(address);
    };
  }

  /** The most bytes that `work` had beyond those of its beginning, and what it left. */
  measure<T>(work: () => T): { result: T; peak: number; left: number } {
    const before = this.live;
    this.peak = before;
    const result = work();
    return { result, peak: this.peak - before, left: this.live - before };
  }
}
