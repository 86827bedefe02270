/**
 * Slices, splits and joins along one axis. The stock kernels make a typed array for every row, which takes 4 microseconds on a heap of
 * some hundred megabytes: as long as 10,000 floats take to be copied.
 */
import { tf } from '../../tensorflow.ts';
import { sizeOf, type WasmHeap } from './heap.ts';

type KernelArguments = Parameters<tf.KernelFunc>[0];

/** Undefined for what stays with the stock kernel: several axes cut, other types, numbers outside the heap. */
export function sliced(heap: WasmHeap, { inputs, attrs }: KernelArguments): tf.TensorInfo | undefined {
  const { x } = inputs as { x: tf.TensorInfo };
  const given = attrs as unknown as { begin: number | number[]; size: number | number[] };
  if (!isPlain(heap, x)) return undefined;
  // It wants a tensor for its shape alone.
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, given.begin, given.size) as [
    number[],
    number[],
  ];
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
  const cut = x.shape.flatMap((length, axis) => (size[axis] === length ? [] : [axis]));
  if (cut.length > 1) return undefined;
  const axis = cut[0] ?? 0;
  return part(heap, x, { axis, begin: begin[axis] ?? 0, shape: size });
}

/** One after the other along the axis. */
export function split(heap: WasmHeap, { inputs, attrs }: KernelArguments): tf.TensorInfo[] | undefined {
  const { x } = inputs as { x: tf.TensorInfo };
  const given = attrs as unknown as { numOrSizeSplits: number | number[]; axis: number };
  if (!isPlain(heap, x)) return undefined;
  const axis = tf.util.parseAxisParam(given.axis, x.shape)[0]!;
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, given.numOrSizeSplits, axis);
  let begin = 0;
  return sizes.map((size) => {
    begin += size;
    return part(heap, x, { axis, begin: begin - size, shape: x.shape.with(axis, size) });
  });
}

export function concatenated(heap: WasmHeap, { inputs, attrs }: KernelArguments): tf.TensorInfo | undefined {
  const given = Object.values(inputs) as tf.TensorInfo[];
  const [first] = given;
  if (!first || given.some((x) => x.dtype !== first.dtype || !isPlain(heap, x))) return undefined;
  const axis = tf.util.parseAxisParam((attrs as unknown as { axis: number }).axis, first.shape)[0]!;
  const shapes = given.map(({ shape }) => shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  const y = heap.allocate(tf.backend_util.computeOutShape(shapes, axis), first.dtype);
  const [rows, stride] = rowsAlong(y.shape, axis);
  let to = heap.address(y);
  for (const x of given) {
    const [, bytes] = rowsAlong(x.shape, axis);
    heap.kernels.copyRows(heap.address(x), bytes, to, stride, rows, bytes);
    to += bytes;
  }
  return y;
}

/** `shape[axis]` entries of `x` from `begin` on. */
function part(
  heap: WasmHeap,
  x: tf.TensorInfo,
  {
    axis,
    begin,
    shape,
  }: { readonly axis: number; readonly begin: number; readonly shape: readonly number[] },
): tf.TensorInfo {
  const y = heap.allocate(shape, x.dtype);
  const [rows, stride] = rowsAlong(x.shape, axis);
  const [, bytes] = rowsAlong(shape, axis);
  const from = heap.address(x) + begin * BYTES * sizeOf(x.shape.slice(axis + 1));
  heap.kernels.copyRows(from, stride, heap.address(y), bytes, rows, bytes);
  return y;
}

const BYTES = 4;

/** Of a tensor that is cut along the axis: pieces that lie apart, and the bytes of each. */
const rowsAlong = (shape: readonly number[], axis: number): [rows: number, bytes: number] => [
  sizeOf(shape.slice(0, axis)),
  BYTES * sizeOf(shape.slice(axis)),
];

const isPlain = (heap: WasmHeap, x: tf.TensorInfo): boolean =>
  (x.dtype === 'float32' || x.dtype === 'int32') && heap.host.of(x) === undefined;
