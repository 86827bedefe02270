/**
 * Writes the few bytes of an ONNX model with a single operation in it
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): all that is needed to have onnxruntime compute it.
 */

export interface OperationModel {
  readonly operator: string;
  readonly domain: 'onnx' | 'microsoft';
  readonly inputs: readonly string[];
  /** Integers as they are, floats as `{ float }`. */
  readonly attributes: Readonly<Record<string, number | { readonly float: number }>>;
  /** Of every input and of the result, `y`; all dimensions are free. */
  readonly rank: number;
  /** Whether an empty sequence, {@link BARRIER_OUTPUT}, comes before the result. */
  readonly barrier: boolean;
}

export const RESULT = 'y';
export const BARRIER_OUTPUT = 'barrier';

export function operationModel(model: OperationModel): Uint8Array {
  const { operator, domain, inputs, attributes, rank, barrier } = model;
  const node = [
    ...inputs.flatMap((input) => text(1, input)),
    ...text(2, RESULT),
    ...text(4, operator),
    ...Object.entries(attributes).flatMap(([name, value]) => attribute(name, value)),
    ...(domain === 'microsoft' ? text(7, MICROSOFT) : []),
  ];
  const graph = [
    ...message(1, node),
    ...(barrier ? message(1, [...text(2, BARRIER_OUTPUT), ...text(4, 'SequenceEmpty')]) : []),
    ...text(2, 'operation'),
    ...inputs.flatMap((input) => message(11, array(input, rank))),
    ...(barrier ? message(12, emptySequence()) : []),
    ...message(12, array(RESULT, rank)),
  ];
  const irVersion = 10;
  return Uint8Array.from([
    ...integer(1, irVersion),
    ...message(7, graph),
    ...message(8, [...text(1, ''), ...integer(2, 21)]),
    ...message(8, [...text(1, MICROSOFT), ...integer(2, 1)]),
  ]);
}

const MICROSOFT = 'com.microsoft';
const FLOAT = 1;

/** Floats in an array whose dimensions are all symbols. */
function array(name: string, rank: number): number[] {
  const dimensions = Array.from({ length: rank }, (_, i) => message(1, text(2, `${name}${i}`))).flat();
  return [...text(1, name), ...message(2, message(1, [...integer(1, FLOAT), ...message(2, dimensions)]))];
}

const emptySequence = () => [
  ...text(1, BARRIER_OUTPUT),
  ...message(2, message(4, message(1, message(1, integer(1, FLOAT))))),
];

function attribute(name: string, value: number | { readonly float: number }): number[] {
  const [floatType, integerType] = [1, 2];
  return typeof value === 'number'
    ? message(5, [...text(1, name), ...integer(3, value), ...integer(20, integerType)])
    : message(5, [...text(1, name), ...float(2, value.float), ...integer(20, floatType)]);
}

const text = (field: number, value: string): number[] => message(field, [...Buffer.from(value)]);

const message = (field: number, bytes: readonly number[]): number[] => [
  ...varint((field << 3) | 2),
  ...varint(bytes.length),
  ...bytes,
];

const integer = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];

const float = (field: number, value: number): number[] => [
  ...varint((field << 3) | 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}
