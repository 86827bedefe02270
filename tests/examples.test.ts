/** Every example is a spec that the service would take, and examples/README.md tells of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { presets } from '@triptych/models/catalog';
import { parse, RunSpec } from '@triptych/protocol';
import { type RunContext, resolveRunSpec, totalSteps } from '@triptych/training/catalog';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../examples/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const readme = readFileSync(`${folder}README.md`, 'utf8');

function specOf(file: string): RunSpec {
  return parse(RunSpec, JSON.parse(readFileSync(folder + file, 'utf8')));
}

/** The splits of `triptych datasets sample` as it draws them by default. */
const scenes = {
  trainSamples: 2400,
  classNames: ['bowtie', 'circle', 'cross', 'heart', 'moon', 'ring', 'square', 'star', 'triangle'],
  splits: (['train', 'validation', 'test'] as const).map((split) => ({
    split,
    samples: split === 'train' ? 2400 : 300,
    contents: { captions: split === 'train' ? 2400 : 300, interleaved: 0, question: 0, conversation: 0 },
    images: split === 'train' ? 2400 : 300,
    captions: 1200,
    classes: 9,
  })),
};

/** A preset, or the model that another example makes: it has the name of its run. */
function contextOf(model: string): RunContext {
  const preset = presets.get(model);
  if (preset) return { architecture: preset.architecture, modelConfig: preset.config, dataset: scenes };
  const maker = files.map(specOf).find(({ name }) => name === model);
  if (!maker) throw new Error(`no example makes the model ${model}`);
  return { ...contextOf(maker.model), pretrained: true };
}

test.each(files)('%s', (file) => {
  const spec = specOf(file);
  const resolved = resolveRunSpec(spec, contextOf(spec.model));
  expect(totalSteps(resolved, scenes.trainSamples)).toBeGreaterThan(0);
  expect(resolved.dataset).toBe('scenes');
  expect(readme).toContain(`triptych -- submit examples/${file}`);
});
