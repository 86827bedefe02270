/**
 * TensorFlow operations by their own names, on the tensors of TensorFlow.js. The only file that touches the private parts
 * of tfjs-node: its backend has no public way to run an operation that TensorFlow.js does not know, and no bfloat16.
 */
import { type Tensor, tf } from '../../tensorflow.ts';

export type Attribute =
  | { readonly name: string; readonly type: 'bool'; readonly value: boolean }
  | { readonly name: string; readonly type: 'int'; readonly value: number }
  | { readonly name: string; readonly type: 'type'; readonly value: DataType };

export type DataType = 'float32' | 'int32' | 'bfloat16';

export interface RawOps {
  readonly isGPUPackage: boolean;
  readonly isUsingGpuDevice: boolean;
  /** Of the native library, by its own account. */
  readonly libraryVersion: string;
  /** Runs an operation with one result, a new tensor. */
  run(operation: string, inputs: readonly Tensor[], attributes: readonly Attribute[]): Tensor;
  /** `a b`, each transposed where asked for, with the factors and the result rounded to bfloat16; sums are float32. */
  matMulBf16(a: Tensor, b: Tensor, transposed: { readonly a: boolean; readonly b: boolean }): Tensor;
}

interface NativeTensor {
  readonly id: number;
}

interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_Version: string;
  executeOp(
    name: string,
    attributes: readonly { name: string; type: number; value: boolean | number }[],
    inputIds: readonly number[],
    outputs: number,
  ): NativeTensor[];
  deleteTensor(id: number): void;
}

interface NodeBackend {
  readonly binding: Binding;
  readonly isGPUPackage: boolean;
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  createOutputTensor(native: NativeTensor): Tensor;
}

/** TF_BFLOAT16 of tensorflow/c/tf_datatype.h, which the binding does not list. */
const BFLOAT16 = 14;

/** Of the backend that is selected, which must be tfjs-node's. */
export function rawOps(): RawOps {
  const backend = tf.backend() as unknown as NodeBackend;
  const { binding } = backend;
  const dataTypes: Record<DataType, number> = {
    float32: binding.TF_FLOAT,
    int32: binding.TF_INT32,
    bfloat16: BFLOAT16,
  };

  const native = (attribute: Attribute) => {
    const { name, type, value } = attribute;
    if (type === 'bool') return { name, type: binding.TF_ATTR_BOOL, value };
    if (type === 'int') return { name, type: binding.TF_ATTR_INT, value };
    return { name, type: binding.TF_ATTR_TYPE, value: dataTypes[value] };
  };
  const execute = (operation: string, ids: readonly number[], attributes: readonly Attribute[]) =>
    binding.executeOp(operation, attributes.map(native), ids, 1)[0]!;
  const cast = (id: number, from: DataType, to: DataType) =>
    execute('Cast', [id], [typeAttribute('SrcT', from), typeAttribute('DstT', to)]);

  return {
    isGPUPackage: backend.isGPUPackage,
    isUsingGpuDevice: backend.isUsingGpuDevice,
    libraryVersion: binding.TF_Version,
    run: (operation, inputs, attributes) =>
      backend.createOutputTensor(execute(operation, backend.getInputTensorIds(inputs), attributes)),
    matMulBf16(a, b, transposed) {
      const rounded = backend.getInputTensorIds([a, b]).map((id) => cast(id, 'float32', 'bfloat16').id);
      const product = execute('MatMul', rounded, matMulAttributes('bfloat16', transposed));
      const result = cast(product.id, 'bfloat16', 'float32');
      for (const id of [...rounded, product.id]) binding.deleteTensor(id);
      return backend.createOutputTensor(result);
    },
  };
}

export const typeAttribute = (name: string, value: DataType): Attribute => ({ name, type: 'type', value });

export const matMulAttributes = (
  type: DataType,
  transposed: { readonly a: boolean; readonly b: boolean },
): readonly Attribute[] => [
  typeAttribute('T', type),
  { name: 'transpose_a', type: 'bool', value: transposed.a },
  { name: 'transpose_b', type: 'bool', value: transposed.b },
];
