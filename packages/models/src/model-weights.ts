/**
 * The weights of a model that is open: the trained ones in one flat vector, the frozen ones where they take least room, one
 * lookup over both. Which are trained, the method says.
 */
import { createHash } from 'node:crypto';
import {
  frozenMatrix,
  ParameterLayout,
  Parameters,
  type StoredNumbers,
  storedAsFloats,
  tf,
  unshared,
} from '@triptych/nn';
import { type GroupedTensor, isInGroups } from './grouped-tensor.ts';
import type { Weights } from './transformer/weights.ts';
import { bytesOf, floatsOf } from './weights/stored-tensor.ts';
import type { StoredTensor, WeightSource } from './weights/weight-source.ts';

export interface WeightsToOpen {
  /** All of the model, in the order of the file. */
  readonly tensors: readonly GroupedTensor[];
  /** Groups. */
  readonly trains: readonly string[];
  /** Trained tensors that no file of the model has: adapters. */
  readonly beside?: readonly GroupedTensor[];
  /** Of both. */
  readonly source: WeightSource;
  /** Of a checkpoint; adopted. Absent: what the source has. */
  readonly trained?: Float32Array | undefined;
}

/** A named parameter as it would be written now. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly trained: boolean;
  read(): Promise<StoredTensor>;
}

export class ModelWeights implements Disposable {
  readonly trainable: Parameters;
  /** In the order of the trained vector. */
  readonly trainableTensors: readonly GroupedTensor[];
  /** sha256 over names, types and values of what is not trained; empty where everything is. */
  readonly frozenHash: string;
  /** By key, trained or frozen. */
  readonly lookup: Weights;
  readonly #toOpen: WeightsToOpen;
  readonly #frozen: ReadonlyMap<string, tf.Tensor>;

  private constructor(
    toOpen: WeightsToOpen,
    opened: { trainable: Parameters; frozen: ReadonlyMap<string, tf.Tensor>; frozenHash: string },
  ) {
    const { trainable, frozen, frozenHash } = opened;
    this.#toOpen = toOpen;
    this.trainable = trainable;
    this.trainableTensors = trainedOf(toOpen);
    this.#frozen = frozen;
    this.frozenHash = frozenHash;
    this.lookup = ((key) => frozen.get(key) ?? trainable.tensor(key)) as Weights;
  }

  /** @throws TriptychError what the source throws; OUT_OF_MEMORY. */
  static async open(toOpen: WeightsToOpen): Promise<ModelWeights> {
    const { tensors, source } = toOpen;
    const trains = (tensor: GroupedTensor) => isInGroups(tensor.group, toOpen.trains);
    const layout = new ParameterLayout(trainedOf(toOpen));
    const flat = toOpen.trained ?? (await flatWeights(layout, source));
    const frozen = new Map<string, tf.Tensor>();
    const hash = createHash('sha256');
    try {
      for (const tensor of tensors.filter((one) => !trains(one)))
        frozen.set(tensor.key, await freeze(tensor, { source, hash }));
      const frozenHash = frozen.size === 0 ? '' : hash.digest('hex');
      return new ModelWeights(toOpen, { trainable: new Parameters(layout, flat), frozen, frozenHash });
    } catch (error) {
      for (const tensor of frozen.values()) tensor.dispose();
      throw error;
    }
  }

  /** Every named parameter of the model, in the order of the file; what lies beside it is not among them. */
  named(): NamedTensor[] {
    const { tensors, trains, source } = this.#toOpen;
    const { layout, flat } = this.trainable;
    return tensors.flatMap((tensor): NamedTensor[] => {
      if (!isInGroups(tensor.group, trains))
        return tensor.parts.map(({ name, shape }) => ({
          name,
          shape,
          trained: false,
          read: () => source.read(name),
        }));
      let { offset } = layout.spec(tensor.key);
      return tensor.parts.map(({ name, shape }) => {
        const start = offset;
        offset += sizeOf(shape);
        const data = flat.subarray(start, offset);
        return { name, shape, trained: true, read: async () => ({ shape, dtype: 'F32' as const, data }) };
      });
    });
  }

  [Symbol.dispose](): void {
    this.trainable.dispose();
    for (const tensor of this.#frozen.values()) tensor.dispose();
  }
}

const trainedOf = ({ tensors, trains, beside = [] }: WeightsToOpen): GroupedTensor[] => [
  ...tensors.filter(({ group }) => isInGroups(group, trains)),
  ...beside,
];

/** The flat vector of a layout, from a source. */
export async function flatWeights(layout: ParameterLayout, source: WeightSource): Promise<Float32Array> {
  const flat = new Float32Array(layout.length);
  for (const { name, offset } of layout.named()) flat.set(floatsOf(await source.read(name)), offset);
  return flat;
}

async function freeze(
  { key, shape, parts }: GroupedTensor,
  at: { readonly source: WeightSource; readonly hash: ReturnType<typeof createHash> },
): Promise<tf.Tensor> {
  const stored: StoredTensor[] = [];
  for (const { name } of parts) stored.push(await at.source.read(name));
  at.hash.update(key);
  for (const part of stored) at.hash.update(part.dtype).update(bytesOf(part));
  const numbers = packed(stored, sizeOf(shape));
  if (shape.length === 2 && isMatrixOperand(key)) return frozenMatrix(numbers, shape as [number, number]);
  return tf.tensor(unshared(storedAsFloats(numbers)), shape as number[], 'float32');
}

/** Parts one after the other, in their type where all have the same; a single part stays where it is. */
function packed(parts: readonly StoredTensor[], length: number): StoredNumbers {
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  const dtype = parts.every((part) => part.dtype === first?.dtype) ? first?.dtype : 'F32';
  const numbers: StoredNumbers =
    dtype === 'F16' || dtype === 'BF16'
      ? { dtype, data: new Uint16Array(length) }
      : { dtype: 'F32', data: new Float32Array(length) };
  let offset = 0;
  for (const part of parts) {
    numbers.data.set(numbers.dtype === 'F32' ? floatsOf(part) : part.data, offset);
    offset += part.data.length;
  }
  return numbers;
}

/** Position tables are sliced and added, which a matrix outside the backend's memory does not allow. */
const isMatrixOperand = (key: string) => !key.includes('position_embedding');

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
