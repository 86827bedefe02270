/** The contract of every differentiable operation, on every backend present. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attention,
  dropout,
  embed,
  gelu,
  IGNORED_LABEL,
  l2Normalize,
  layerNorm,
  linear,
  random,
  record,
  residual,
  rmsNorm,
  selectBackend,
  selectRows,
  softmaxCrossEntropy,
  swiGlu,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tf,
} from './index.ts';
import { useKernels } from './kernels/kernels.ts';
import { portable } from './kernels/portable.ts';
import { presentBackends } from './testing/backends.ts';
import { noise, relativeError, slopeAlong, values } from './testing/numeric.ts';

interface Case {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly run: (inputs: Tensor[]) => Tensor;
}

const linearCase = (x: number[], width: number): Case => ({
  name: `linear [${x}] -> ${width}`,
  shapes: [x, [width, x.at(-1)!], [width]],
  run: ([input, weight, bias]) => linear(input!, weight as Tensor2D, bias as Tensor1D),
});
const layerNormCase = (x: number[]): Case => ({
  name: `layerNorm [${x}]`,
  shapes: [x, [x.at(-1)!], [x.at(-1)!]],
  run: ([input, weight, bias]) => layerNorm(input!, weight!, bias!),
});
const attentionCase = (qkv: number[], heads: number, causal: boolean): Case => ({
  name: `attention [${qkv}] heads ${heads}${causal ? ' causal' : ''}`,
  shapes: [qkv],
  run: ([input]) => attention(input as Tensor3D, { heads, causal }),
});
const embedCase = (table: number[], ids: number[]): Case => ({
  name: `embed [${table}] x ${ids.length}`,
  shapes: [table],
  run: ([input]) => embed(input as Tensor2D, tf.tensor2d(ids, [1, ids.length], 'int32')),
});

const cases: Case[] = [
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
  ...(['quick_gelu', 'gelu', 'gelu_new'] as const).flatMap((kind): Case[] => [
    { name: `gelu ${kind}`, shapes: [[3, 8]], run: ([x]) => gelu(x!, kind) },
    { name: `gelu ${kind}, one element`, shapes: [[1]], run: ([x]) => gelu(x!, kind) },
    { name: `gelu ${kind}, odd width`, shapes: [[2, 3, 7]], run: ([x]) => gelu(x!, kind) },
  ]),
  attentionCase([2, 5, 24], 2, false),
  attentionCase([2, 5, 24], 2, true),
  attentionCase([1, 1, 9], 1, true),
  attentionCase([1, 1, 9], 1, false),
  attentionCase([1, 7, 30], 2, true),
  attentionCase([3, 4, 18], 3, false),
  attentionCase([2, 65, 96], 2, false),
  attentionCase([2, 33, 96], 2, true),
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

const crossEntropyCase = (rows: number, classes: number, labels: number[]): Case => ({
  name: `softmaxCrossEntropy [${rows},${classes}] ${labels}`,
  shapes: [[rows, classes]],
  run: ([logits]) => softmaxCrossEntropy(logits as Tensor2D, Int32Array.from(labels)).sum,
});

cases.push(
  { name: 'rmsNorm', shapes: [[2, 3, 8], [8]], run: ([x, weight]) => rmsNorm(x!, weight!) },
  {
    name: 'rmsNorm, one row of odd width',
    shapes: [[1, 5], [5]],
    run: ([x, weight]) => rmsNorm(x!, weight!),
  },
  {
    name: 'swiGlu',
    shapes: [
      [2, 3, 8],
      [2, 3, 8],
    ],
    run: ([gate, up]) => swiGlu(gate!, up!),
  },
  {
    name: 'swiGlu, odd width',
    shapes: [
      [1, 7],
      [1, 7],
    ],
    run: ([gate, up]) => swiGlu(gate!, up!),
  },
  {
    name: 'residual',
    shapes: [
      [2, 3, 5],
      [2, 3, 5],
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

const inputsOf = ({ shapes, name }: Case) => shapes.map((shape, i) => noise(`${name} ${i}`, shape));

/** Result and gradients as plain arrays; leaves no tensor behind. */
function evaluate(testCase: Case): Float32Array[] {
  return tf.tidy(() => {
    const inputs = inputsOf(testCase);
    using recording = record(inputs, () => [testCase.run(inputs)]);
    const [output] = recording.outputs;
    return [output!, ...recording.backward([noise('dy', output!.shape)])].map((x) => values(x).slice());
  });
}

const oracle = new Map<string, Float32Array[]>();

beforeAll(async () => {
  await selectBackend({ backend: 'cpu' });
  useKernels(portable);
  for (const testCase of cases) oracle.set(testCase.name, evaluate(testCase));
});

describe.each(presentBackends())('on $name', ({ start }) => {
  beforeAll(start);
  afterAll(() => useKernels(portable));

  describe.each(cases)('$name', (testCase) => {
    it('equals the oracle, with the same bits twice and no tensor left', () => {
      const before = tf.memory();
      const first = evaluate(testCase);
      const second = evaluate(testCase);
      const after = tf.memory();
      expect(second).toStrictEqual(first);
      expect([after.numTensors, after.numBytes]).toEqual([before.numTensors, before.numBytes]);
      const expected = oracle.get(testCase.name)!;
      first.forEach((actual, i) => {
        expect(relativeError(actual, expected[i]!), `result ${i}`).toBeLessThan(5e-6);
      });
    });

    it('hands NaN on, so that a diverging run is noticed', () => {
      tf.tidy(() => {
        const [first, ...others] = inputsOf(testCase);
        const output = testCase.run([tf.fill(first!.shape, Number.NaN), ...others]);
        expect(values(output).some(Number.isNaN)).toBe(true);
      });
    });

    it('has the gradients that finite differences give', () => {
      tf.tidy(() => {
        const inputs = inputsOf(testCase);
        using recording = record(inputs, () => [testCase.run(inputs)]);
        const dy = noise('dy', recording.outputs[0]!.shape);
        const gradients = recording.backward([dy]);
        inputs.forEach((input, which) => {
          const direction = noise('direction', input.shape);
          const expected = slopeAlong(testCase.run, inputs, { which, direction, dy });
          const actual = tf.sum(tf.mul(gradients[which]!, direction)).dataSync()[0]!;
          const scale = tf.norm(gradients[which]!).dataSync()[0]! + 0.1;
          expect(Math.abs(actual - expected) / scale, `input ${which}`).toBeLessThan(1e-2);
        });
      });
    });
  });
});

it('counts and sums only the labels that are not ignored', async () => {
  await selectBackend({ backend: 'cpu' });
  tf.tidy(() => {
    const logits = tf.tensor2d([
      [Math.log(3), 0],
      [5, 5],
      [0, 0],
    ]);
    const { sum, count } = softmaxCrossEntropy(logits, Int32Array.of(0, IGNORED_LABEL, 1));
    // Probabilities 3/4 and 1/2.
    expect(values(sum)[0]).toBeCloseTo(Math.log(4 / 3) + Math.log(2), 6);
    expect(count).toBe(2);
  });
});

it('drops the given share and keeps the mean', async () => {
  await selectBackend({ backend: 'cpu' });
  tf.tidy(() => {
    const dropped = values(dropout(tf.ones([100_000]), 0.25, random(1, 'share')));
    const zeros = dropped.filter((x) => x === 0).length;
    expect(Math.abs(zeros / 100_000 - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 100_000));
    expect(new Set(dropped)).toEqual(new Set([0, Math.fround(4 / 3)]));
  });
});
