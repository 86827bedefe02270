/** `triptych score` from the argument list to exit code and text, on files as people have them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'triptych-score-'));
const path = (name: string) => join(folder, name);
const golden = fileURLToPath(new URL('../../../packages/scoring/src/', import.meta.url));
const goldenJson = (name: string) => JSON.parse(readFileSync(join(golden, name), 'utf8'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Caption {
  image_id: number;
  hypothesis: string;
  references: string[];
}

beforeAll(() => {
  const entries: Caption[] = goldenJson('captions/fixtures/inputs.json');
  const write = (name: string, value: unknown) => writeFileSync(path(name), JSON.stringify(value));
  write('captions.json', {
    images: entries.map(({ image_id }) => ({ id: image_id })),
    annotations: entries.flatMap(({ image_id, references }) =>
      references.map((caption) => ({ image_id, caption })),
    ),
  });
  write(
    'said.json',
    entries.map(({ image_id, hypothesis }) => ({ image_id, caption: hypothesis })),
  );
  write(
    'better.json',
    entries.map(({ image_id, references }) => ({ image_id, caption: references[0] })),
  );
  write(
    'few.json',
    entries.slice(2).map(({ image_id, hypothesis }) => ({ image_id, caption: hypothesis })),
  );
});

async function score(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram({
    args: ['score', ...args],
    url: 'http://127.0.0.1:1',
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}
const captions = (predictions: string, ...more: string[]) =>
  score('captions', '--predictions', path(predictions), '--references', path('captions.json'), ...more);

test('a table with units and intervals, the same every time', async () => {
  const { code, out } = await captions('said.json', '--resamples', '200');
  expect(code).toBe(0);
  expect(out).toMatch(/metric +value +95 % interval +samples/);
  expect(out).toMatch(/bleu_4 +\d\d\.\d % +\d\d\.\d % to \d\d\.\d % +120/);
  expect(out).toMatch(/cider_d +\d\.\d{3} +\d\.\d{3} to \d\.\d{3} +120/);
  expect(out).toContain('Intervals: 200 resamples of 120 images, seed 0.');
  expect(out).toContain('Note: cider_d knows how rare words are from 120 images only');
  expect((await captions('said.json', '--resamples', '200')).out).toBe(out);
});

test('--json is one document, and --samples the figures of each image', async () => {
  const { out } = await captions(
    'said.json',
    '--json',
    '--resamples',
    '100',
    '--samples',
    path('samples.jsonl'),
  );
  const report = JSON.parse(out);
  expect(report).toMatchObject({ score: 'captions', resampling: { of: 'image', clusters: 120, seed: 0 } });
  const bleu = report.metrics[0];
  expect(bleu).toMatchObject({ metric: 'bleu_1', unit: 'ratio', samples: 120, interval: { level: 0.95 } });
  expect(bleu.interval.low).toBeLessThan(bleu.value);
  expect(bleu.interval.high).toBeGreaterThan(bleu.value);
  const lines = readFileSync(path('samples.jsonl'), 'utf8').trim().split('\n');
  expect(lines).toHaveLength(120);
  expect(Object.keys(JSON.parse(lines[0]!).metrics)).toEqual([
    'bleu_1',
    'bleu_2',
    'bleu_3',
    'bleu_4',
    'rouge_l',
    'cider_d',
  ]);
});

test('--compare: the difference, its interval, and how often resamples contradict it', async () => {
  const { out } = await captions(
    'said.json',
    '--compare',
    path('better.json'),
    '--json',
    '--resamples',
    '100',
  );
  const { value, other, difference } = JSON.parse(out).metrics[5];
  expect(difference.difference).toBeCloseTo(other - value, 12);
  expect(difference.interval.low).toBeGreaterThan(0);
  expect(difference.pValue).toBeCloseTo(2 / 101, 12);
  const same = await captions('said.json', '--compare', path('said.json'), '--resamples', '100');
  expect(same.out).toMatch(/bleu_1 .* \+0\.00 pp .* 1\.000 +120/);
});

test('missing predictions: 1 and how many, or left out; two files that left out others are not compared', async () => {
  const refused = await captions('few.json');
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toContain('got none for 2 ids: 1000, 1001; predict them, or say --missing leave-out');
  expect((await captions('few.json', '--missing', 'leave-out', '--resamples', '0')).out).toMatch(
    /rouge_l .* 118/,
  );
  const other = await captions('few.json', '--missing', 'leave-out', '--compare', path('said.json'));
  expect(other.err).toMatch(/expected predictions for the samples that .*few\.json/);
});

test('retrieval from safetensors equals CLIP_benchmark', async () => {
  const features = join(golden, 'fixtures/inputs.safetensors');
  const { out } = await score(
    'retrieval',
    '--predictions',
    features,
    '--references',
    features,
    '--json',
    '--resamples',
    '0',
  );
  const expected = goldenJson('fixtures/expected.json').retrieval_scores as Record<string, number>;
  const found = Object.fromEntries(
    (JSON.parse(out).metrics as { metric: string; value: number }[]).map(({ metric, value }) => [
      metric,
      value,
    ]),
  );
  for (const [metric, value] of Object.entries(expected)) expect(found[metric], metric).toBeCloseTo(value, 6);
});

test('files that cannot be scored say what they are', async () => {
  const cases: [name: string, content: string | Buffer, says: RegExp][] = [
    ['broken.json', '[{"image_id": 1', /neither JSON nor a JSON value a line/],
    ['utf16.json', Buffer.from('\uFEFF[]', 'utf16le'), /UTF-16; save it as UTF-8/],
    ['latin1.json', Buffer.from('["caf\u00e9"]', 'latin1'), /not UTF-8/],
    [
      'array.npy',
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      /NumPy array; save its arrays by name as safetensors/,
    ],
  ];
  for (const [name, content, says] of cases) {
    writeFileSync(path(name), content);
    const { code, err } = await captions(name);
    expect([name, code]).toEqual([name, 1]);
    expect(err).toMatch(says);
  }
  expect((await captions('nowhere.json')).err).toMatch(/nowhere\.json does not exist/);
});

test('wrong usage: 2, or the option that this score does not read', async () => {
  expect((await score('beauty', '--predictions', 'a', '--references', 'b')).code).toBe(2);
  expect((await score('captions', '--predictions', 'a')).code).toBe(2);
  expect((await captions('said.json', '--resamples', '7')).code).toBe(2);
  const { code, err } = await captions('said.json', '--questions', path('said.json'));
  expect([code, err]).toEqual([
    1,
    expect.stringContaining('--questions: expected --predictions, --references, --corpus'),
  ]);
});
