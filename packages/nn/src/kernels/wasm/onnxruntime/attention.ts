/**
 * Attention whose matrix products onnxruntime computes, on every thread: heads are copied out of the packed rows, a few
 * samples at a time so that all of it stays in the cache, multiplied in batches, and copied back. The softmax between is
 * that of assembly/. The products take half the time of the own ones, which have neither FMA nor vectors of 512 bits.
 */
import type { Tensor3D } from '../../../tensorflow.ts';
import type { AttentionSettings } from '../../kernels.ts';
import type { AttentionKernels } from '../attention.ts';
import { addresses, codeOf, paddedTo4, type Shape, shapeOf, withRanges } from '../attention-shape.ts';
import type { WasmHeap } from '../heap.ts';
import type { OnnxRuntime, OnnxTensor, Operation } from './runtime.ts';

/** Multiply-adds of one product over all samples below which copying heads costs more than it brings. */
const LEAST_WORK = 2 ** 22;
/** Heads that are multiplied at a time by one thread. */
const HEADS_AT_ONCE = 64;
/** Scores of the samples that are worked on at a time: 4 MiB, unless one sample has more. */
const SCORES_AT_ONCE = 2 ** 20;

/** `small` does what is not worth it: few positions, a single query. */
export function onnxruntimeAttention(
  heap: WasmHeap,
  runtime: OnnxRuntime,
  small: AttentionKernels,
): AttentionKernels {
  const { kernels } = heap;
  const multiply = (operation: Operation, a: OnnxTensor, b: OnnxTensor, into: OnnxTensor) =>
    runtime.run(operation, { a, b }, into);

  return {
    attention(projections, settings) {
      const shape = shapeOf(projections, settings);
      if (!isWorthwhile(shape)) return small.attention(projections, settings);
      const { batch, queries, keys, heads, headDim } = shape;
      const output = heap.tensor<Tensor3D>([batch, queries, heads * headDim]);
      const probabilities = heap.tensor([batch, heads, queries, paddedTo4(keys)]);
      const part = new Part(heap, runtime, shape);
      withRanges(heap, settings, (ranges) =>
        heap.withScratch(part.bytes(['q', 'k', 'v', 'o']), (scratch) => {
          for (const samples of part.all()) {
            const at = part.place(scratch, ['q', 'k', 'v', 'o']);
            part.gather(addresses(heap, projections, shape), [at.q, at.k, at.v], samples);
            const p = heap.address(probabilities) + 4 * samples.first * part.scoreFloats;
            const scores = part.scores(p, samples);
            multiply(withTransposedB, part.perQuery(at.q, samples), part.perKey(at.k, samples), scores);
            const sizes = [samples.count, heads, queries, keys];
            const rows = ranges + 8 * samples.first * queries;
            kernels.softmaxRows(p, rows, ...sizes, ...numbersOf(settings, shape));
            multiply(plain, scores, part.perKey(at.v, samples), part.perQuery(at.o, samples));
            const rowBytes = 4 * heads * headDim;
            const target = heap.address(output) + samples.first * queries * rowBytes;
            kernels.scatterHeads(at.o, target, rowBytes, samples.count, queries, queries, heads, headDim);
          }
        }),
      );
      return { output, saved: [probabilities] };
    },

    attentionGradient(dy, inputs, settings) {
      const { projections, saved } = inputs;
      const shape = shapeOf(projections, settings);
      if (!isWorthwhile(shape)) return small.attentionGradient(dy, inputs, settings);
      const { queries, keys, heads, headDim } = shape;
      const gradients = projections.map((projection) => heap.tensor<Tensor3D>(projection.shape));
      const part = new Part(heap, runtime, shape);
      const names = ['q', 'k', 'v', 'o', 'dV', 'dScores'] as const;
      withRanges(heap, settings, (ranges) =>
        heap.withScratch(part.bytes(names), (scratch) => {
          for (const samples of part.all()) {
            const at = part.place(scratch, names);
            part.gather(addresses(heap, projections, shape), [at.q, at.k, at.v], samples);
            const rowBytes = 4 * heads * headDim;
            const source = heap.address(dy) + samples.first * queries * rowBytes;
            kernels.gatherHeads(source, rowBytes, at.o, samples.count, queries, queries, heads, headDim);
            const p = heap.address(saved[0]!) + 4 * samples.first * part.scoreFloats;
            const [probabilities, dScores] = [part.scores(p, samples), part.scores(at.dScores, samples)];
            const dOutput = part.perQuery(at.o, samples);
            multiply(withTransposedA, probabilities, dOutput, part.perKey(at.dV, samples));
            multiply(withTransposedB, dOutput, part.perKey(at.v, samples), dScores);
            const sizes = [samples.count, heads, queries, keys];
            const rows = ranges + 8 * samples.first * queries;
            kernels.softmaxGradientRows(at.dScores, p, rows, ...sizes, codeOf(settings), shape.scale);
            // What dO and v have been used for is done: their places take the gradients of q and k.
            multiply(plain, dScores, part.perKey(at.k, samples), dOutput);
            multiply(withTransposedA, dScores, part.perQuery(at.q, samples), part.perKey(at.v, samples));
            part.scatter([at.o, at.v, at.dV], gradientAddresses(heap, gradients, shape), samples);
          }
        }),
      );
      return gradients;
    },
  };
}

const isWorthwhile = ({ batch, heads, queries, keys, headDim }: Shape): boolean =>
  queries > 1 && batch * heads * queries * keys * headDim >= LEAST_WORK;

const numbersOf = (settings: AttentionSettings, { scale }: Shape): number[] => [
  codeOf(settings),
  settings.blind === 'mean' ? 1 : 0,
  scale,
];

const gradientAddresses = (heap: WasmHeap, gradients: readonly Tensor3D[], shape: Shape): number[] =>
  addresses(heap, gradients as unknown as readonly [Tensor3D], shape);

const product = (transA: number, transB: number): Operation => ({
  operator: 'FusedMatMul',
  domain: 'microsoft',
  inputs: ['a', 'b'],
  attributes: { transA, transB },
  rank: 3,
});
const [plain, withTransposedA, withTransposedB] = [product(0, 0), product(1, 0), product(0, 1)];

type Name = 'q' | 'k' | 'v' | 'o' | 'dV' | 'dScores';

interface Samples {
  readonly first: number;
  readonly count: number;
}

/**
 * Some samples at a time, as matrices: per key head, the queries of its group one below the other `[(H/K)Tq, d]`, its
 * keys or values `[Tk, d]` and their scores `[(H/K)Tq, Tk]`, Tk rounded up to 4 with zeros.
 */
class Part {
  /** Of one sample. */
  readonly scoreFloats: number;
  readonly #heap: WasmHeap;
  readonly #runtime: OnnxRuntime;
  readonly #shape: Shape;
  readonly #padded: number;
  readonly #count: number;

  constructor(heap: WasmHeap, runtime: OnnxRuntime, shape: Shape) {
    this.#heap = heap;
    this.#runtime = runtime;
    this.#shape = shape;
    this.#padded = paddedTo4(shape.keys);
    this.scoreFloats = shape.heads * shape.queries * this.#padded;
    const atOnce = Math.min(
      (HEADS_AT_ONCE * runtime.threads) / shape.heads,
      SCORES_AT_ONCE / this.scoreFloats,
    );
    this.#count = Math.max(1, Math.min(shape.batch, Math.floor(atOnce)));
  }

  *all(): Iterable<Samples> {
    const { batch } = this.#shape;
    for (let first = 0; first < batch; first += this.#count)
      yield { first, count: Math.min(this.#count, batch - first) };
  }

  bytes(names: readonly Name[]): number {
    return names.reduce((sum, name) => sum + this.#bytesOf(name), 0);
  }

  /** Where each lies, one behind the other. */
  place<N extends Name>(scratch: number, names: readonly N[]): Record<N, number> {
    let at = scratch;
    const places = names.map((name) => {
      const place = [name, at] as const;
      at += this.#bytesOf(name);
      return place;
    });
    return Object.fromEntries(places) as Record<N, number>;
  }

  perQuery(address: number, { count }: Samples): OnnxTensor {
    const { queries, heads, keyValueHeads, headDim } = this.#shape;
    return this.#matrices(address, [count * keyValueHeads, (heads / keyValueHeads) * queries, headDim]);
  }

  perKey(address: number, { count }: Samples): OnnxTensor {
    const { keyValueHeads, headDim } = this.#shape;
    return this.#matrices(address, [count * keyValueHeads, this.#padded, headDim]);
  }

  scores(address: number, { count }: Samples): OnnxTensor {
    const { queries, heads, keyValueHeads } = this.#shape;
    return this.#matrices(address, [count * keyValueHeads, (heads / keyValueHeads) * queries, this.#padded]);
  }

  /** Queries, keys and values out of the packed rows. */
  gather(from: readonly number[], to: readonly number[], { first, count }: Samples): void {
    for (const [i, { row, length, padded, heads }] of this.#projections().entries()) {
      const source = from[i]! + first * length * row;
      const { headDim } = this.#shape;
      this.#heap.kernels.gatherHeads(source, row, to[i]!, count, length, padded, heads, headDim);
    }
  }

  /** Back into packed rows. */
  scatter(from: readonly number[], to: readonly number[], { first, count }: Samples): void {
    for (const [i, { row, length, padded, heads }] of this.#projections().entries()) {
      const target = to[i]! + first * length * row;
      const { headDim } = this.#shape;
      this.#heap.kernels.scatterHeads(from[i]!, target, row, count, length, padded, heads, headDim);
    }
  }

  #projections() {
    const { queries, keys, heads, keyValueHeads, qRow, kvRow } = this.#shape;
    const kv = { row: kvRow, length: keys, padded: this.#padded, heads: keyValueHeads };
    return [{ row: qRow, length: queries, padded: queries, heads }, kv, kv];
  }

  #matrices(address: number, shape: readonly [number, number, number]): OnnxTensor {
    const [count, rows, columns] = shape;
    return this.#runtime.tensor(this.#heap.floatsAt(address, count * rows * columns), shape);
  }

  #bytesOf(name: Name): number {
    const { queries, heads, keyValueHeads, headDim } = this.#shape;
    const floats = { q: heads * queries * headDim, k: keyValueHeads * this.#padded * headDim };
    const sample = name === 'dScores' ? this.scoreFloats : name === 'q' || name === 'o' ? floats.q : floats.k;
    return 4 * this.#count * sample;
  }
}
