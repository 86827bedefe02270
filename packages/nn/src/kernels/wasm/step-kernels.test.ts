/** Each kernel of a decoding step against the operation of the same name, bit for bit. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  crossAttention,
  embed,
  gelu,
  keyRanges,
  layerNorm,
  linear,
  type Rows,
  random,
  rmsNorm,
  rotaryFrequencies,
  rotaryTable,
  rotate,
  type StepKernels,
  selectBackend,
  swiGlu,
} from '../../index.ts';
import { type Tensor, type Tensor2D, type Tensor3D, tf } from '../../tensorflow.ts';
import { kernels } from '../kernels.ts';

const BATCH = 3;
const WIDTH = 22;

const normal = <R extends tf.Rank>(purpose: string, shape: tf.ShapeMap[R]) => {
  const stream = random(3, purpose);
  const size = shape.reduce((product, length) => product * length, 1);
  return tf.tensor<R>(
    Float32Array.from({ length: size }, () => stream.normal()),
    shape,
  );
};

describe('a decoding step', () => {
  let step: StepKernels;
  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
    step = kernels().step!;
  });

  /** What `write` writes into rows of this width. */
  function written(width: number, write: (y: Rows) => void): number[] {
    const y = step.rows(BATCH, width);
    write(y);
    const columns = step.tensor(BATCH, width);
    step.copyColumns(y, columns, 0);
    step.release(y);
    const numbers = [...columns.dataSync<'float32'>()];
    columns.dispose();
    return numbers;
  }
  const rowsOf = (x: Tensor) => x as unknown as Rows;
  const numbers = (x: Tensor) => [...x.dataSync<'float32'>()];

  it.each<[string, () => [number[], Tensor]]>([
    [
      'linear',
      () => {
        const [x, weight] = [normal<tf.Rank.R2>('x', [BATCH, WIDTH]), normal<tf.Rank.R2>('w', [9, WIDTH])];
        return [written(9, (y) => step.linear(rowsOf(x), weight, y)), linear(x, weight)];
      },
    ],
    [
      'rmsNorm',
      () => {
        const [x, weight] = [normal<tf.Rank.R2>('x', [BATCH, WIDTH]), normal<tf.Rank.R1>('w', [WIDTH])];
        return [written(WIDTH, (y) => step.rmsNorm(rowsOf(x), weight, y, 1e-5)), rmsNorm(x, weight, 1e-5)];
      },
    ],
    [
      'layerNorm',
      () => {
        const x = normal<tf.Rank.R2>('x', [BATCH, WIDTH]);
        const [weight, bias] = [normal<tf.Rank.R1>('w', [WIDTH]), normal<tf.Rank.R1>('b', [WIDTH])];
        const found = written(WIDTH, (y) => step.layerNorm(rowsOf(x), { weight, bias }, y, 1e-5));
        return [found, layerNorm(x, weight, bias, 1e-5)];
      },
    ],
    [
      'gelu',
      () => {
        const x = normal<tf.Rank.R2>('x', [BATCH, WIDTH]);
        return [written(WIDTH, (y) => step.gelu(rowsOf(x), y, 'gelu')), gelu(x, 'gelu')];
      },
    ],
    [
      'swiGlu',
      () => {
        const x = normal<tf.Rank.R2>('x', [BATCH, 2 * WIDTH]);
        return [written(WIDTH, (y) => step.swiGlu(rowsOf(x), y)), swiGlu(x)];
      },
    ],
    [
      'rotate',
      () => {
        const x = normal<tf.Rank.R3>('x', [BATCH, 1, 20]);
        const table = rotaryTable({ positions: [4, 0, 9], frequencies: rotaryFrequencies(6, 100) });
        const rows = rowsOf(tf.reshape(x, [BATCH, 20]));
        return [
          written(20, (y) => step.rotate(rows, y, { table, heads: 2 })),
          rotate(x, { table, heads: 2 }),
        ];
      },
    ],
    [
      'add',
      () => {
        const [x, y] = [normal<tf.Rank.R2>('x', [BATCH, WIDTH]), normal<tf.Rank.R2>('y', [BATCH, WIDTH])];
        const sum = tf.add(y, tf.mul(x, tf.scalar(0.3)));
        step.add(rowsOf(x), rowsOf(y), Math.fround(0.3));
        return [numbers(y), sum];
      },
    ],
    [
      'add without a factor',
      () => {
        const [x, y] = [normal<tf.Rank.R2>('x', [BATCH, WIDTH]), normal<tf.Rank.R2>('y', [BATCH, WIDTH])];
        const sum = tf.add(y, x);
        step.add(rowsOf(x), rowsOf(y));
        return [numbers(y), sum];
      },
    ],
    ...(['full', 'ranges'] as const).flatMap((kind) =>
      (['zero', 'mean'] as const).map((blind): [string, () => [number[], Tensor]] => [
        `attention, ${kind}, blind ${blind}`,
        () => {
          const queries = normal<tf.Rank.R2>('q', [BATCH, 30]);
          const kv = normal<tf.Rank.R3>('kv', [BATCH, 7, 16]);
          const bounds = [
            [2, 5],
            [0, 7],
            [3, 3],
          ] as const;
          const mask =
            kind === 'full' ? kind : keyRanges({ batch: BATCH, queries: 1, keys: 7 }, (b) => bounds[b]!);
          const settings = { heads: 4, keyValueHeads: 2, mask, blind };
          const q = tf.reshape(tf.slice(queries, [0, 0], [BATCH, 16]), [BATCH, 1, 16]) as Tensor3D;
          return [
            written(16, (y) => step.attention(rowsOf(queries), kv, y, settings)),
            crossAttention(q, kv, settings),
          ];
        },
      ]),
    ),
  ])('%s', (_, run) => {
    tf.tidy(() => {
      const [found, expected] = run();
      expect(found).toEqual(numbers(expected));
    });
  });

  it('embeds from tables on the heap and from frozen ones, row by row', () => {
    tf.tidy(() => {
      const values = Float32Array.from({ length: 4 * WIDTH }, (_, i) => i / 4);
      const ids = [2, 0, 2];
      const tables = [
        tf.tensor2d(values, [4, WIDTH]),
        kernels().frozenMatrix({ dtype: 'F32', data: values }, [4, WIDTH]),
      ];
      for (const table of tables) {
        const found = written(WIDTH, (y) => {
          for (const [row, id] of ids.entries()) step.embed(table as Tensor2D, id, { y, row });
        });
        expect(found).toEqual(numbers(embed(table as Tensor2D, tf.tensor1d(ids, 'int32'))));
      }
    });
  });

  it('copies columns beside others, and leaves nothing on the heap', () => {
    const before = tf.memory();
    tf.tidy(() => {
      const [x, y] = [normal<tf.Rank.R2>('x', [BATCH, 3]), tf.zeros<tf.Rank.R2>([BATCH, 8])];
      step.copyColumns(rowsOf(x), y, 4);
      expect(numbers(tf.slice(y, [0, 4], [BATCH, 3]))).toEqual(numbers(x));
      expect(numbers(tf.slice(y, [0, 0], [BATCH, 4]))).toEqual(new Array(4 * BATCH).fill(0));
    });
    const { numTensors, numDataBuffers } = tf.memory();
    expect([numTensors, numDataBuffers]).toEqual([before.numTensors, before.numDataBuffers]);
  });
});
