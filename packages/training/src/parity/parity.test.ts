/** Golden cases through the comparison itself: those that pass, and each way not to. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GoldenCase, selectBackend, tf } from '@triptych/nn';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareCase } from './compare-case.ts';
import { findCases } from './find-cases.ts';
import type { CaseReport } from './launch/messages.ts';
import { CaseCopies, changeExpected, fixtureFolder } from './testing/case-copy.ts';

const contrastive = fixtureFolder('contrastive');

const checksOf = (report: CaseReport) => {
  expect(report).toMatchObject({ state: 'compared' });
  return report.state === 'compared' ? report.checks : [];
};
const outside = (report: CaseReport) =>
  checksOf(report)
    .filter(({ within }) => !within)
    .map(({ name }) => name);

describe('on wasm', () => {
  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
  });

  test.each([
    ['contrastive', contrastive],
    ['clip', fixtureFolder('clip-gelu', 'models')],
    ['clip', fixtureFolder('clip-quickgelu', 'models')],
    ['llama', fixtureFolder('llama', 'models')],
    ['llava', fixtureFolder('llava', 'models')],
    ['lora', fixtureFolder('lora', 'models')],
    ['flamingo', fixtureFolder('flamingo-every2', 'models')],
    ['flamingo-perceiver', fixtureFolder('flamingo-perceiver', 'models')],
    ['flamingo-cross-attention', fixtureFolder('flamingo-cross-attention', 'models')],
    ['image-preprocess', fixtureFolder('image-preprocess', 'datasets')],
  ])('%s: every expected tensor is compared, within its tolerance', async (kind, folder) => {
    const before = tf.memory().numTensors;
    const golden = new GoldenCase(folder);
    const report = await compareCase(golden);
    expect(report).toMatchObject({ kind, within: true });
    const names = new Set(checksOf(report).map(({ name }) => name.split(' ')[0]!));
    for (const name of golden.tensors('expected.safetensors').tensors.keys())
      expect(names.has(name), name).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('one number that is wrong is found, and nothing else', async () => {
    using copies = new CaseCopies();
    const folder = copies.copy(contrastive, 'renamed');
    changeExpected(folder, (tensors) => {
      tensors.get('siglip.grad.image_features')!.data[17]! += 1e-3;
    });
    const report = await compareCase(new GoldenCase(folder));
    expect(report).toMatchObject({ case: 'renamed', kind: 'contrastive', within: false });
    expect(outside(report)).toEqual(['siglip.grad.image_features']);
  });

  test('a number that is none is wrong, whatever the tolerance', async () => {
    using copies = new CaseCopies();
    const folder = copies.copy(contrastive, 'case');
    changeExpected(folder, (tensors) => tensors.get('infonce.loss')!.data.fill(Number.NaN));
    expect(outside(await compareCase(new GoldenCase(folder)))).toEqual(['infonce.loss']);
  });

  test('what is expected and not computed does not pass', async () => {
    using copies = new CaseCopies();
    const folder = copies.copy(contrastive, 'case');
    changeExpected(folder, (tensors) =>
      tensors.set('infonce.grad.colour', { shape: [1], data: Float32Array.of(1) }),
    );
    const report = await compareCase(new GoldenCase(folder));
    expect(checksOf(report).filter(({ kind }) => kind === 'missing')).toEqual([
      { kind: 'missing', name: 'infonce.grad.colour', within: false },
    ]);
    expect(report).toMatchObject({ within: false });
  });

  test('a model whose weights do not fit its configuration fails with the reason', async () => {
    using copies = new CaseCopies();
    const folder = copies.copy(fixtureFolder('llama', 'models'), 'llama');
    const config = new GoldenCase(folder).config as Record<string, unknown>;
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, intermediate_size: 99 }));
    expect(await compareCase(new GoldenCase(folder))).toMatchObject({
      state: 'failed',
      message: expect.stringMatching(/MODEL_INVALID.*gate_proj/),
    });
  });
});

test('captions: figures belong to the ids that they are listed with, in any order', async () => {
  using copies = new CaseCopies();
  const folder = copies.copy(fixtureFolder('../src/captions/fixtures', 'scoring'), 'reversed');
  changeJson(folder, (expected) => {
    for (const list of [expected.image_ids, ...Object.values(expected.perImage)])
      (list as unknown[]).reverse();
  });
  expect(await compareCase(new GoldenCase(folder))).toMatchObject({ kind: 'captions', within: true });
});

test('retrieval: recall at any k, as many images or texts as there are included', async () => {
  using copies = new CaseCopies();
  const folder = copies.copy(fixtureFolder('../src/fixtures', 'scoring'), 'any-k');
  changeJson(folder, ({ retrieval_scores: recalls }) => {
    recalls['image_retrieval_recall@40'] = 1;
    recalls['text_retrieval_recall@140'] = 1;
    recalls['text_retrieval_recall@3'] = -1;
  });
  const report = await compareCase(new GoldenCase(folder));
  expect(outside(report)).toEqual(['retrieval_scores/text_retrieval_recall@3']);
});

// biome-ignore lint/suspicious/noExplicitAny: the case is this file's to know.
function changeJson(folder: string, change: (expected: any) => void): void {
  const path = join(folder, 'expected.json');
  const expected = JSON.parse(readFileSync(path, 'utf8'));
  change(expected);
  writeFileSync(path, JSON.stringify(expected));
}

test('kinds are told by files and tensors, not by names', async () => {
  using copies = new CaseCopies();
  const folder = join(copies.folder, 'contrastive');
  mkdirSync(folder);
  writeFileSync(join(folder, 'case.json'), '{}');
  expect(await compareCase(new GoldenCase(folder))).toMatchObject({ state: 'unknown' });
});

test('a folder is a case, or has some below it', () => {
  using copies = new CaseCopies();
  expect(() => findCases(copies.folder)).toThrow(/is no golden case/);
  expect(() => findCases(join(copies.folder, 'nowhere'))).toThrow(/is no golden case/);
  copies.copy(contrastive, 'b');
  copies.copy(contrastive, 'deeper/a');
  expect(findCases(copies.folder).map(({ name }) => name)).toEqual(['b', 'a']);
  expect(findCases(join(copies.folder, 'b')).map(({ name }) => name)).toEqual(['b']);
});
