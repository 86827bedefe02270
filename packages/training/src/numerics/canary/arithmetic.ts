/** What the selected engine, and JavaScript beside it, make of fixed numbers. */
import { createHash } from 'node:crypto';
import { kernels, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from '@triptych/nn';

/** `[rows, outputs, inputs]`: single rows, odd sides, and products that are divided among threads or cut into blocks. */
const PRODUCTS = [
  [1, 64, 64],
  [7, 33, 65],
  [50, 96, 96],
  [77, 128, 512],
  [513, 50, 33],
  [1030, 130, 36],
] as const;

/** The bytes decide, so `-0` and the payload of a NaN count. The tensors are disposed. */
export async function arithmeticCanary(): Promise<string> {
  const hash = createHash('sha256');
  for (const compute of computations()) {
    const results = tf.tidy(() => [...compute()]);
    for (const result of results) {
      const numbers = await kernels().read(result);
      hash.update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
    }
    tf.dispose(results);
  }
  hash.update(new Uint8Array(hostNumbers().buffer));
  return hash.digest('hex');
}

function* computations(): Generator<() => Iterable<Tensor>> {
  for (const [rows, outputs, inputs] of PRODUCTS) yield () => productsOf(rows, outputs, inputs);
  yield () => elementwise(4099);
  yield reductions;
  yield attentions;
}

/** A linear layer and both of its gradients. */
function* productsOf(rows: number, outputs: number, inputs: number): Generator<Tensor> {
  const numbers = new Numbers(rows);
  const x = numbers.tensor<Tensor2D>([rows, inputs]);
  const weight = numbers.tensor<Tensor2D>([outputs, inputs]);
  const dy = numbers.tensor<Tensor2D>([rows, outputs]);
  yield kernels().linear(x, weight, numbers.tensor<Tensor1D>([outputs]));
  yield kernels().linearInputGradient(dy, weight);
  yield kernels().linearWeightGradient(dy, x);
}

function* elementwise(count: number): Generator<Tensor> {
  const x = new Numbers(count).tensor([count], 6);
  for (const kind of ['quick_gelu', 'gelu', 'gelu_new'] as const) yield kernels().gelu(x, kind);
  yield tf.exp(x);
  yield tf.tanh(x);
  yield tf.sigmoid(x);
}

function* reductions(): Generator<Tensor> {
  const numbers = new Numbers(3);
  const x = numbers.tensor<Tensor2D>([257, 77]);
  const gain = numbers.tensor<Tensor1D>([77]);
  const labels = Int32Array.from({ length: 257 }, (_, row) => (row % 5 === 0 ? -1 : (row * 31) % 77));
  yield kernels().columnSum(x);
  yield kernels().layerNorm(x, gain, numbers.tensor<Tensor1D>([77]), 1e-5).output;
  yield kernels().rmsNorm(x, gain, 1e-5).output;
  yield kernels().crossEntropy(x, labels).output;
  yield tf.sum(x);
}

function* attentions(): Generator<Tensor> {
  const qkv = new Numbers(4).tensor<Tensor3D>([2, 50, 3 * 96]);
  for (const mask of ['full', 'causal'] as const)
    yield kernels().attention([qkv], { heads: 3, keyValueHeads: 3, mask, blind: 'zero' }).output;
}

/** What Node's own functions give: schedules, optimizers and metrics are computed with them. */
function hostNumbers(): Float64Array {
  const numbers = new Numbers(5);
  const functions = [Math.exp, Math.log1p, Math.tanh, Math.sin, Math.cos, Math.sqrt, Math.cbrt, Math.log2];
  return Float64Array.from({ length: 512 }, (_, i) => {
    const x = Math.abs(numbers.next()) * 10;
    return i % 9 === 8 ? (x + 0.1) ** 2.5 : functions[i % 9]!(x);
  });
}

/** The same everywhere: whole numbers of 32 bits, divided by a power of two. */
class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1);
  }

  /** -1 to 1. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0;
    return this.#state / 2 ** 31;
  }

  tensor<T extends Tensor>(shape: readonly number[], scale = 1): T {
    const length = shape.reduce((product, side) => product * side, 1);
    return tf.tensor(
      Float32Array.from({ length }, () => this.next() * scale),
      [...shape],
    ) as T;
  }
}
