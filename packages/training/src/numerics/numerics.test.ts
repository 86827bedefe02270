/** Canaries in processes of their own, as workers have them; and ranks that compare theirs. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { memoryGroups } from '@triptych/collective';
import { type BackendChoice, selectBackend, tf } from '@triptych/nn';
import { type Numerics, type NumericsFacts, numericsDifference, numericsOf } from '@triptych/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { assertRanksComputeAlike, measureNumerics } from './numerics.ts';

const SCRIPT = fileURLToPath(new URL('../testing/measure-numerics.mjs', import.meta.url));

async function measured(choice: BackendChoice, version = '0.1.0'): Promise<Numerics> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    SCRIPT,
    JSON.stringify({ choice, version }),
  ]);
  return JSON.parse(stdout) as Numerics;
}

describe('what a process measures', () => {
  let first: Numerics;
  beforeAll(async () => {
    first = await measured({ backend: 'wasm' });
  });

  test('is the same in the next one', async () => {
    expect(await measured({ backend: 'wasm' })).toEqual(first);
  });

  test('shows who multiplies by its bits, not only by its name', async () => {
    const own = await measured({ backend: 'wasm', gemm: 'own' });
    expect(own.arithmetic).not.toBe(first.arithmetic);
    expect([own.pictures, own.text]).toEqual([first.pictures, first.text]);
  });

  test('shows threads where they split products, and not where one computes whatever was asked for', async () => {
    const [two, own, ownOfTwo] = await Promise.all([
      measured({ backend: 'wasm', threads: 2 }),
      measured({ backend: 'wasm', gemm: 'own' }),
      measured({ backend: 'wasm', gemm: 'own', threads: 2 }),
    ]);
    expect(ownOfTwo).toEqual(own);
    expect(two.threads).toBe(first.gemm === 'onnxruntime' ? 2 : 1);
    expect(two.arithmetic === first.arithmetic).toBe(first.gemm !== 'onnxruntime');
  });

  test('has the version of Triptych in its digest', async () => {
    const newer = await measured({ backend: 'wasm' }, '0.2.0');
    expect(newer.digest).not.toBe(first.digest);
    expect(numericsDifference(first, newer)).toEqual({ one: 'version=0.1.0', other: 'version=0.2.0' });
  });
});

test('measuring leaves no tensor behind', async () => {
  const description = await selectBackend({ backend: 'cpu' });
  await measureNumerics(description, '0.1.0');
  const { numTensors } = tf.memory();
  await measureNumerics(description, '0.1.0');
  expect(tf.memory().numTensors).toBe(numTensors);
});

describe('ranks', () => {
  const facts: NumericsFacts = {
    ...{
      backend: 'wasm',
      device: 'cpu',
      gemm: 'onnxruntime',
      precision: 'float32',
      threads: 1,
      version: '1',
    },
    ...{ libraries: '', arithmetic: 'a'.repeat(12), pictures: 'b'.repeat(12), text: 'c'.repeat(12) },
  };
  const compare = (all: readonly Numerics[]) => {
    const groups = memoryGroups(all.length);
    return Promise.allSettled(all.map((own, rank) => assertRanksComputeAlike(groups[rank]!, own)));
  };

  test('that compute alike go on', async () => {
    const outcomes = await compare([numericsOf(facts), numericsOf(facts), numericsOf(facts)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  });

  test('that do not are told so, all of them, with both sides; a digest that was said is not believed', async () => {
    const claimed = { ...numericsOf({ ...facts, text: 'd'.repeat(12) }), digest: numericsOf(facts).digest };
    const outcomes = await compare([numericsOf(facts), numericsOf({ ...facts, threads: 2 }), claimed]);
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'OTHER_NUMERICS',
          message: expect.stringMatching(
            /rank 0 has threads=1, rank 1 has threads=2; rank 0 has text=c{12}, rank 2 has text=d{12}/,
          ),
        },
      });
  });
});
