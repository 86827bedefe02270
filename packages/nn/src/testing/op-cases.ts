/** What the contract suite runs on every backend: each operation at ordinary shapes and at the edges. */
import {
  type AttentionMask,
  attention,
  type CrossAttentionOptions,
  crossAttention,
  dropout,
  embed,
  gelu,
  IGNORED_LABEL,
  joinColumns,
  l2Normalize,
  layerNorm,
  linear,
  mediaMask,
  random,
  replaceRows,
  residual,
  rmsNorm,
  rotaryFrequencies,
  rotaryTable,
  rotate,
  selectRows,
  sequenceMask,
  softmaxCrossEntropy,
  swiGlu,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tf,
} from '../index.ts';

export interface OpCase {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly run: (inputs: Tensor[]) => Tensor;
}

const linearCase = (x: number[], width: number): OpCase => ({
  name: `linear [${x}] -> ${width}`,
  shapes: [x, [width, x.at(-1)!], [width]],
  run: ([input, weight, bias]) => linear(input!, weight as Tensor2D, bias as Tensor1D),
});
const layerNormCase = (x: number[]): OpCase => ({
  name: `layerNorm [${x}]`,
  shapes: [x, [x.at(-1)!], [x.at(-1)!]],
  run: ([input, weight, bias]) => layerNorm(input!, weight!, bias!),
});
interface AttentionCase {
  readonly qkv: number[];
  readonly heads: number;
  readonly keyValueHeads?: number;
  readonly mask: AttentionMask;
  readonly what: string;
}

const attentionCase = ({ qkv, what, ...options }: AttentionCase): OpCase => ({
  name: `attention [${qkv}], ${options.heads}/${options.keyValueHeads ?? options.heads} heads, ${what}`,
  shapes: [qkv],
  run: ([input]) => attention(input as Tensor3D, options),
});
const crossAttentionCase = ({
  q,
  kv,
  what,
  ...options
}: { q: number[]; kv: number[]; what: string } & CrossAttentionOptions): OpCase => ({
  name: `crossAttention [${q}] over [${kv}], ${what}`,
  shapes: [q, kv],
  run: ([queries, keysAndValues]) => crossAttention(queries as Tensor3D, keysAndValues as Tensor3D, options),
});
const rotateCase = ({
  x,
  heads,
  headDim,
  positions,
  scale,
}: {
  x: number[];
  heads: number;
  headDim: number;
  positions: number[];
  scale?: number;
}): OpCase => ({
  name: `rotate [${x}], ${heads} heads of ${headDim}, positions ${positions}${scale ? `, times ${scale}` : ''}`,
  shapes: [x],
  run: ([input]) =>
    rotate(input as Tensor3D, {
      table: rotaryTable({ positions, frequencies: rotaryFrequencies(headDim, 100), scale: scale ?? 1 }),
      heads,
    }),
});
const embedCase = (table: number[], ids: number[]): OpCase => ({
  name: `embed [${table}] x ${ids.length}`,
  shapes: [table],
  run: ([input]) => embed(input as Tensor2D, tf.tensor2d(ids, [1, ids.length], 'int32')),
});

export const opCases: OpCase[] = [
  linearCase([2, 3, 8], 12),
  linearCase([1, 1, 5], 3),
  linearCase([7, 6], 1),
  linearCase([3, 37, 40], 20),
  {
    name: 'linear without bias',
    shapes: [
      [2, 5, 7],
      [9, 7],
    ],
    run: ([x, weight]) => linear(x!, weight as Tensor2D),
  },
  layerNormCase([2, 3, 8]),
  layerNormCase([1, 1, 5]),
  layerNormCase([3, 17]),
  ...(['quick_gelu', 'gelu', 'gelu_new'] as const).flatMap((kind): OpCase[] => [
    { name: `gelu ${kind}`, shapes: [[3, 8]], run: ([x]) => gelu(x!, kind) },
    { name: `gelu ${kind}, one element`, shapes: [[1]], run: ([x]) => gelu(x!, kind) },
    { name: `gelu ${kind}, odd width`, shapes: [[2, 3, 7]], run: ([x]) => gelu(x!, kind) },
  ]),
  attentionCase({ qkv: [2, 5, 24], heads: 2, mask: 'full', what: 'full' }),
  attentionCase({ qkv: [2, 5, 24], heads: 2, mask: 'causal', what: 'causal' }),
  attentionCase({ qkv: [1, 1, 9], heads: 1, mask: 'causal', what: 'causal' }),
  attentionCase({ qkv: [1, 1, 9], heads: 1, mask: 'full', what: 'full' }),
  attentionCase({ qkv: [1, 7, 30], heads: 2, mask: 'causal', what: 'causal' }),
  attentionCase({ qkv: [3, 4, 18], heads: 3, mask: 'full', what: 'full' }),
  attentionCase({ qkv: [2, 65, 96], heads: 2, mask: 'full', what: 'full' }),
  attentionCase({ qkv: [2, 33, 96], heads: 2, mask: 'causal', what: 'causal' }),
  attentionCase({ qkv: [1, 130, 12], heads: 1, mask: 'causal', what: 'causal, in blocks' }),
  attentionCase({
    qkv: [1, 129, 12],
    heads: 1,
    mask: sequenceMask({ batch: 1, queries: 129, causal: true }),
    what: 'a block of one query',
  }),
  attentionCase({ qkv: [2, 5, 24], heads: 4, keyValueHeads: 1, mask: 'causal', what: 'grouped' }),
  attentionCase({ qkv: [2, 6, 40], heads: 4, keyValueHeads: 2, mask: 'full', what: 'grouped' }),
  attentionCase({
    qkv: [3, 6, 24],
    heads: 2,
    mask: sequenceMask({ batch: 3, queries: 6, causal: true, ends: [6, 1, 4] }),
    what: 'causal, right padding',
  }),
  attentionCase({
    qkv: [2, 6, 20],
    heads: 3,
    keyValueHeads: 1,
    mask: sequenceMask({ batch: 2, queries: 6, causal: false, starts: [0, 3] }),
    what: 'left padding, grouped',
  }),
  attentionCase({
    qkv: [2, 110, 18],
    heads: 1,
    mask: sequenceMask({ batch: 2, queries: 110, causal: true, prefixes: [0, 70], ends: [110, 90] }),
    what: 'prefix and padding, in blocks',
  }),
  // Large enough for the way through onnxruntime, with more samples than it takes at a time.
  attentionCase({ qkv: [20, 65, 192], heads: 4, mask: 'full', what: 'large' }),
  attentionCase({ qkv: [35, 64, 96], heads: 4, keyValueHeads: 1, mask: 'causal', what: 'large, grouped' }),
  attentionCase({
    qkv: [18, 70, 128],
    heads: 4,
    keyValueHeads: 2,
    mask: sequenceMask({
      batch: 18,
      queries: 70,
      causal: true,
      starts: Array.from({ length: 18 }, (_, b) => b),
      ends: Array.from({ length: 18 }, (_, b) => 70 - 2 * b),
    }),
    what: 'large, padded on both sides, grouped',
  }),
  crossAttentionCase({
    q: [17, 40, 128],
    kv: [17, 65, 256],
    heads: 4,
    mask: mediaMask({
      batch: 17,
      imageCounts: Int32Array.from({ length: 17 * 40 }, (_, i) => Math.floor((i % 40) / 9)),
      images: 5,
      latents: 13,
      attend: 'all-previous',
    }),
    blind: 'mean',
    what: 'large, media mask',
  }),
  crossAttentionCase({ q: [2, 5, 8], kv: [2, 7, 16], heads: 2, mask: 'full', what: 'full' }),
  crossAttentionCase({ q: [1, 1, 5], kv: [1, 1, 10], heads: 1, mask: 'full', what: 'one key' }),
  crossAttentionCase({
    q: [3, 1, 46],
    kv: [3, 10, 46],
    heads: 2,
    keyValueHeads: 1,
    mask: { ...sequenceMask({ batch: 3, queries: 1, past: 8, causal: true, starts: [0, 3, 9] }), keys: 10 },
    what: 'one query, more keys than it sees',
  }),
  crossAttentionCase({
    q: [2, 3, 12],
    kv: [2, 6, 12],
    heads: 4,
    keyValueHeads: 2,
    mask: 'full',
    what: 'grouped',
  }),
  crossAttentionCase({
    q: [2, 3, 8],
    kv: [2, 9, 16],
    heads: 2,
    mask: sequenceMask({ batch: 2, queries: 3, past: 6, causal: true, starts: [0, 4] }),
    what: 'after a past',
  }),
  ...(['latest', 'all-previous'] as const).map((attend) =>
    crossAttentionCase({
      q: [2, 5, 8],
      kv: [2, 6, 16],
      heads: 2,
      mask: mediaMask({
        batch: 2,
        imageCounts: Int32Array.of(0, 1, 1, 2, 2, 0, 0, 1, 1, 1),
        images: 2,
        latents: 3,
        attend,
      }),
      blind: attend === 'latest' ? 'zero' : 'mean',
      what: `media mask, ${attend}`,
    }),
  ),
  rotateCase({ x: [2, 3, 8], heads: 2, headDim: 4, positions: [0, 1, 2] }),
  rotateCase({ x: [2, 3, 26], heads: 2, headDim: 10, positions: [4, 5, 6, 0, 1, 2] }),
  rotateCase({ x: [1, 1, 3], heads: 1, headDim: 2, positions: [7] }),
  rotateCase({ x: [2, 2, 12], heads: 2, headDim: 4, positions: [3, 4], scale: 1.25 }),
  embedCase([11, 8], [3, 0, 3, 10, 3]),
  embedCase([4, 5], [2]),
  { name: 'l2Normalize', shapes: [[3, 8]], run: ([x]) => l2Normalize(x!) },
  { name: 'l2Normalize, odd width', shapes: [[1, 7]], run: ([x]) => l2Normalize(x!) },
  {
    name: 'selectRows',
    shapes: [[3, 4, 6]],
    run: ([x]) => selectRows(x as Tensor3D, Int32Array.of(3, 0, 2)),
  },
  {
    name: 'selectRows, one row',
    shapes: [[1, 1, 5]],
    run: ([x]) => selectRows(x as Tensor3D, Int32Array.of(0)),
  },
];

const crossEntropyCase = (rows: number, classes: number, labels: number[]): OpCase => ({
  name: `softmaxCrossEntropy [${rows},${classes}] ${labels}`,
  shapes: [[rows, classes]],
  run: ([logits]) => softmaxCrossEntropy(logits as Tensor2D, Int32Array.from(labels)).sum,
});

opCases.push(
  {
    name: 'joinColumns',
    shapes: [
      [2, 3, 5],
      [2, 3, 1],
      [2, 3, 4],
    ],
    run: (parts) => joinColumns(parts),
  },
  {
    name: 'replaceRows',
    shapes: [
      [2, 3, 5],
      [1, 3, 5],
    ],
    run: ([x, rows]) => replaceRows(x!, rows!, Int32Array.of(4, 0, 5)),
  },
  {
    name: 'replaceRows, one row of two',
    shapes: [
      [2, 3],
      [1, 3],
    ],
    run: ([x, rows]) => replaceRows(x!, rows!, Int32Array.of(1)),
  },
  { name: 'rmsNorm', shapes: [[2, 3, 8], [8]], run: ([x, weight]) => rmsNorm(x!, weight!) },
  {
    name: 'rmsNorm, one row of odd width',
    shapes: [[1, 5], [5]],
    run: ([x, weight]) => rmsNorm(x!, weight!),
  },
  { name: 'swiGlu', shapes: [[2, 3, 16]], run: ([gateUp]) => swiGlu(gateUp!) },
  { name: 'swiGlu, odd width', shapes: [[3, 14]], run: ([gateUp]) => swiGlu(gateUp!) },
  {
    name: 'residual',
    shapes: [
      [2, 3, 7],
      [2, 3, 7],
    ],
    run: ([x, branch]) => residual(x!, branch!),
  },
  crossEntropyCase(5, 7, [3, IGNORED_LABEL, 0, 6, 3]),
  crossEntropyCase(1, 2, [1]),
  {
    name: 'dropout',
    shapes: [[4, 9]],
    run: ([x]) => dropout(x!, 0.3, random(5, 'dropout')),
  },
);
