/**
 * A LLaVA as transformers 5 writes it, and adapters as PEFT writes them, go in, are trained and come out; at every place the
 * libraries compute what we compute. `TRIPTYCH_PEERS_FIGURES=1` prints how far apart the two are.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, LlavaJourney } from './llava-journey.ts';
import { isMissing, TRANSFORMERS } from './python.ts';

const missing = isMissing(TRANSFORMERS, 'transformers 5');
const noPeft = missing || isMissing('import peft', 'PEFT');

/**
 * Relative to the largest logit: both programs add float32 numbers (2^-24) in an order of their own, in five blocks over rows
 * of at most 96. A wrong layer, scale or token moves logits by more than a hundredth, which `moved` makes sure of.
 */
const TOLERANCE = 1e-5;

let journey: LlavaJourney;
beforeAll(async () => {
  if (!missing) journey = await LlavaJourney.begin();
});
afterAll(() => journey?.[Symbol.asyncDispose]());

const written = (name: string) => join(journey.folder, name);

test.skipIf(missing).each(['llava', 'sharded'])('%s goes in', async (name) => {
  const { artifact } = await journey.import(name);
  same(`${name}, imported`, await journey.ours(artifact!), journey.theirs(written(name)));
});

test.skipIf(missing).each(['full', 'lora'])('%s: it is trained and comes out', async (method) => {
  const base = await journey.import('llava');
  const before = await journey.ours(base.artifact!);
  const out = await journey.train(base, { method });
  const after = await journey.ours(out.artifact);
  moved(after, before);
  same(`${method}, exported`, after, journey.theirs(out.path));
  if (method !== 'lora' || noPeft) return;
  const adapter = join(out.path, 'adapter');
  same('lora, its adapter in PEFT', after, journey.theirs(written('llava'), adapter));
});

test.skipIf(noPeft).each(['adapter', 'stabilised'])('%s of PEFT goes in', async (name) => {
  const base = await journey.import('llava');
  const { artifact } = await journey.import(name, base);
  const adapted = await journey.ours(artifact!);
  moved(adapted, await journey.ours(base.artifact!));
  same(`${name}, imported`, adapted, journey.theirs(written('llava'), written(name)));
});

test.skipIf(noPeft)('an adapter of PEFT is trained further, and still belongs to its base', async () => {
  const model = await journey.import('adapter', await journey.import('llava'));
  const before = await journey.ours(model.artifact!);
  const out = await journey.train(model, { method: 'lora' });
  expect(out.spec.adapter).toEqual({ rank: 4, alpha: 8, dropout: 0, rankStabilised: false });
  const after = await journey.ours(out.artifact);
  moved(after, before);
  same('adapter, trained further and merged', after, journey.theirs(out.path));
  const adapter = join(out.path, 'adapter');
  same('adapter, trained further, in PEFT', after, journey.theirs(written('llava'), adapter));
});

test.skipIf(noPeft).each([
  ['adapter', { method: 'full' }],
  ['adapter', { method: 'lora', adapter: { rank: 2 } }],
  // A part of it lies in the image tower, which this method does not adapt.
  ['stabilised', { method: 'lora' }],
])('%s of PEFT is merged before %j begins', async (name, spec) => {
  const model = await journey.import(name, await journey.import('llava'));
  // So small that no weight moves by more than rounding.
  const out = await journey.train(model, { ...spec, optimizer: { learningRate: 1e-12 } });
  const [before, after] = [await journey.ours(model.artifact!), await journey.ours(out.artifact)];
  same(`${name}, merged for ${JSON.stringify(spec)}`, after, before);
  same(`${name}, exported after ${JSON.stringify(spec)}`, after, journey.theirs(out.path));
});

function same(what: string, one: Answer, other: Answer): void {
  expect(one.ids, what).toEqual(other.ids);
  const difference = largest(one.logits.map((value, i) => value - other.logits[i]!));
  const size = largest(other.logits);
  // biome-ignore lint/suspicious/noUndeclaredEnvVars: a developer's wish; no build depends on it
  if (process.env['TRIPTYCH_PEERS_FIGURES'])
    process.stdout.write(`${what}: ${difference.toExponential(1)} apart, of ${size.toFixed(2)}\n`);
  expect(one.logits.length).toBe(other.logits.length);
  expect(difference, what).toBeLessThanOrEqual(TOLERANCE * size);
}

const moved = (after: Answer, before: Answer) =>
  expect(largest(after.logits.map((value, i) => value - before.logits[i]!))).toBeGreaterThan(
    0.01 * largest(before.logits),
  );

const largest = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
