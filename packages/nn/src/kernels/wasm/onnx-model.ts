/**
 * Writes the few bytes of an ONNX model with a single matrix product in it
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): all that is needed to have onnxruntime multiply.
 */

export interface MatrixProductModel {
  readonly operator: 'Gemm' | 'FusedMatMul';
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Whether an empty sequence, {@link BARRIER_OUTPUT}, comes before the result. */
  readonly barrier: boolean;
}

export const BARRIER_OUTPUT = 'barrier';

/** `c = op(a) op(b)` with free dimensions: `Gemm` for matrices, `FusedMatMul` for batches of them. */
export function matrixProductModel(options: MatrixProductModel): Uint8Array {
  const { operator, transposeA, transposeB, barrier } = options;
  const rank = operator === 'Gemm' ? 2 : 3;
  const node = [
    ...text(1, 'a'),
    ...text(1, 'b'),
    ...text(2, 'c'),
    ...text(4, operator),
    ...flag('transA', transposeA),
    ...flag('transB', transposeB),
    ...(operator === 'FusedMatMul' ? text(7, 'com.microsoft') : []),
  ];
  const graph = [
    ...message(1, node),
    ...(barrier ? message(1, [...text(2, BARRIER_OUTPUT), ...text(4, 'SequenceEmpty')]) : []),
    ...text(2, 'product'),
    ...message(11, matrix('a', rank)),
    ...message(11, matrix('b', rank)),
    ...(barrier ? message(12, emptySequence) : []),
    ...message(12, matrix('c', rank)),
  ];
  const irVersion = 10;
  return Uint8Array.from([
    ...integer(1, irVersion),
    ...message(7, graph),
    ...message(8, [...text(1, ''), ...integer(2, 21)]),
    ...message(8, [...text(1, 'com.microsoft'), ...integer(2, 1)]),
  ]);
}

/** A float matrix whose dimensions are all symbols. */
function matrix(name: string, rank: number): number[] {
  const dimensions = Array.from({ length: rank }, (_, i) => message(1, text(2, `${name}${i}`))).flat();
  return [...text(1, name), ...message(2, message(1, [...integer(1, FLOAT), ...message(2, dimensions)]))];
}

const FLOAT = 1;
const emptySequence = [
  ...text(1, BARRIER_OUTPUT),
  ...message(2, message(4, message(1, message(1, integer(1, FLOAT))))),
];

const INTEGER_ATTRIBUTE = 2;
const flag = (name: string, value: boolean) =>
  message(5, [...text(1, name), ...integer(3, value ? 1 : 0), ...integer(20, INTEGER_ATTRIBUTE)]);

function text(field: number, value: string): number[] {
  return message(field, [...Buffer.from(value)]);
}
function message(field: number, bytes: readonly number[]): number[] {
  return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
}

function integer(field: number, value: number): number[] {
  return [...varint(field << 3), ...varint(value)];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}
