import { clipLayout, clipPresets, initClip } from '@triptych/models';
import { expect, test } from 'vitest';
import { tinySpec } from '../testing/tiny-run.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { SampleLedger } from './sample-ledger.ts';
import { specHash } from './spec-hash.ts';

const { config } = clipPresets['clip-tiny']!;
const { length } = clipLayout(config);
const checkpoint: Checkpoint = {
  step: 12,
  specHash: 'a'.repeat(64),
  ledger: { samples: 144, digest: 'b'.repeat(64) },
  config,
  architecture: 'clip',
  files: { 'vocab.json': '{}' },
  frozenHash: '',
  weights: initClip(config, 1),
  firstMoment: new Float32Array(length).fill(0.25),
  secondMoment: new Float32Array(length).fill(0.5),
};

const fileOf = (state: Checkpoint) => new Uint8Array(Buffer.concat([...encodeCheckpoint(state)]));

test('a checkpoint comes back as it was, and equal states give equal bytes', () => {
  const bytes = fileOf(checkpoint);
  const { weights, firstMoment, secondMoment, ...state } = decodeCheckpoint(bytes);
  const { weights: _w, firstMoment: _f, secondMoment: _s, ...expected } = checkpoint;
  expect(state).toEqual(expected);
  // The moments can be adopted as they are: nothing was copied.
  expect([weights, firstMoment, secondMoment].every(({ buffer }) => buffer === bytes.buffer)).toBe(true);
  const again = fileOf({ ...state, weights, firstMoment, secondMoment });
  expect(Buffer.compare(again, bytes)).toBe(0);
});

test('the average of the weights is kept where there is one', () => {
  const average = new Float32Array(length).fill(0.125);
  const bytes = fileOf({ ...checkpoint, average });
  expect(decodeCheckpoint(bytes).average!.every((value) => value === 0.125)).toBe(true);
  expect(Buffer.compare(fileOf(decodeCheckpoint(bytes)), bytes)).toBe(0);
  expect(decodeCheckpoint(fileOf(checkpoint))).not.toHaveProperty('average');
});

test.each([
  ['cut off', (bytes: Uint8Array) => bytes.subarray(0, 1000)],
  ['empty', () => new Uint8Array()],
  ['of another kind', () => new TextEncoder().encode('{"files":[]}          ')],
  ['with a vector of another model', () => fileOf({ ...checkpoint, weights: new Float32Array(3) })],
])('a file that is %s is corrupt', (_, damage) => {
  expect(() => decodeCheckpoint(damage(fileOf(checkpoint)))).toThrow(
    expect.objectContaining({ code: 'ARTIFACT_CORRUPT' }),
  );
});

test('the ledger tells orders apart and goes on where it was', () => {
  const batch = { samples: Int32Array.of(1, 2, 3, 4), datasets: new Int32Array(4) };
  const other = { ...batch, samples: batch.samples.toReversed() };
  const whole = new SampleLedger();
  whole.record(batch, 2);
  whole.record(batch, 2);
  const first = new SampleLedger();
  first.record(batch, 2);
  const resumed = new SampleLedger(first.state);
  resumed.record(batch, 2);
  expect(resumed.state).toEqual(whole.state);
  expect(whole.state.samples).toBe(8);
  const swapped = new SampleLedger(first.state);
  swapped.record(other, 2);
  expect(swapped.state.digest).not.toBe(whole.state.digest);
});

test('the spec hash ignores what cannot change the weights, and the order of keys', () => {
  const spec = tinySpec();
  const inputs = { datasetManifests: ['c'.repeat(64)] };
  const other = { ...spec, name: 'again', workers: { ...spec.workers, max: 2 }, priority: 3 };
  expect(specHash(other, inputs)).toBe(specHash(spec, inputs));
  expect(specHash({ ...spec, batch: { shards: 4, global: 12 } }, inputs)).toBe(specHash(spec, inputs));
  expect(specHash({ ...spec, seed: 9 }, inputs)).not.toBe(specHash(spec, inputs));
  expect(specHash(spec, { datasetManifests: ['d'] })).not.toBe(specHash(spec, inputs));
});
