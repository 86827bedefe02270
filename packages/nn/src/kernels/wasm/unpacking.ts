/** Numbers outside the wasm heap to floats on it, converted from the type in which they are stored. */
import type { StoredNumbers } from '../../vectors/stored-numbers.ts';
import type { WasmHeap } from './heap.ts';

/** `rows` pieces of `columns` adjacent numbers each; the first begins at `from`, each further one `stride` numbers on. */
export interface Pieces {
  readonly from: number;
  readonly stride: number;
  readonly rows: number;
  readonly columns: number;
}

/** Writes the pieces to `address`, one behind the other. */
export type Unpack = (pieces: Pieces, address: number) => void;

/** Numbers of 16 bits that are on the heap at a time: 32 KiB stay in the first-level cache. */
const STAGED = 2 ** 14;

/** Runs `use` with what unpacks `numbers`, pieces of at most `columns`, as long as it runs. */
export function unpacking<T>(
  heap: WasmHeap,
  numbers: StoredNumbers,
  columns: number,
  use: (unpack: Unpack) => T,
): T {
  const { dtype, data } = numbers;
  if (dtype === 'F32')
    return use((pieces, address) =>
      copyPieces(data, pieces, heap.floatsAt(address, pieces.rows * pieces.columns)),
    );
  const convert = dtype === 'BF16' ? heap.kernels.unpackBfloat16 : heap.kernels.unpackFloat16;
  const capacity = Math.max(STAGED, columns);
  return heap.withScratch(2 * capacity, (staging) =>
    use((pieces, address) => {
      let at = address;
      for (const some of parts(pieces, capacity)) {
        const count = some.rows * some.columns;
        copyPieces(data, some, heap.halvesAt(staging, count));
        convert(staging, at, count);
        at += 4 * count;
      }
    }),
  );
}

/** The same numbers in the same order, no more than `capacity` at a time. */
function* parts({ from, stride, rows, columns }: Pieces, capacity: number): Iterable<Pieces> {
  if (stride === columns) {
    const end = from + rows * columns;
    for (let at = from; at < end; at += capacity) {
      const count = Math.min(capacity, end - at);
      yield { from: at, stride: count, rows: 1, columns: count };
    }
    return;
  }
  const atOnce = Math.max(1, Math.floor(capacity / columns));
  for (let row = 0; row < rows; row += atOnce)
    yield { from: from + row * stride, stride, rows: Math.min(atOnce, rows - row), columns };
}

function copyPieces<T extends Float32Array | Uint16Array>(
  data: T,
  { from, stride, rows, columns }: Pieces,
  into: T,
): void {
  if (stride === columns) into.set(data.subarray(from, from + rows * columns));
  else
    for (let row = 0; row < rows; row++) {
      const start = from + row * stride;
      into.set(data.subarray(start, start + columns), row * columns);
    }
}
