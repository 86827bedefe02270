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

/** The published train part of easy-VQA, of which registration holds out every tenth image. */
const easyVqa = {
  trainSamples: 34_761,
  splits: (['train', 'validation'] as const).map((split) => ({
    split,
    samples: split === 'train' ? 34_761 : 3814,
    contents: { captions: 0, interleaved: 0, question: split === 'train' ? 34_761 : 3814, conversation: 0 },
    images: split === 'train' ? 3600 : 400,
    captions: 0,
    classes: 0,
  })),
};

/** Four questions about each of the scenes. */
const scenesQuestions = {
  trainSamples: 4 * scenes.trainSamples,
  splits: scenes.splits.map(({ contents, samples, ...split }) => ({
    ...split,
    samples: 4 * samples,
    contents: { ...contents, captions: 0, question: 4 * samples },
    captions: 0,
    classes: 0,
  })),
};
const datasets: Readonly<Record<string, RunContext['dataset']>> = {
  scenes,
  'scenes-questions': scenesQuestions,
  'easy-vqa': easyVqa,
};

/** A preset, or the model that another example makes: it has the name of its run. */
function contextOf({ model, dataset, datasets: mixed = [{ name: dataset ?? '' }] }: RunSpec): RunContext {
  const preset = presets.get(model);
  const all = mixed.map(({ name }) => datasets[name]!);
  const trainSamples = all.reduce((sum, one) => sum + one.trainSamples, 0);
  if (preset)
    return {
      architecture: preset.architecture,
      modelConfig: preset.config,
      dataset: { ...all[0]!, trainSamples },
    };
  const maker = files.map(specOf).find(({ name }) => name === model);
  if (!maker) throw new Error(`no example makes the model ${model}`);
  return { ...contextOf({ ...maker, ...(dataset && { dataset }) }), pretrained: true };
}

test.each(files)('%s', (file) => {
  const spec = specOf(file);
  const context = contextOf(spec);
  const resolved = resolveRunSpec(spec, context);
  expect(totalSteps(resolved, context.dataset.trainSamples)).toBeGreaterThan(0);
  expect(Object.keys(datasets)).toContain(resolved.dataset);
  expect(readme).toContain(`triptych -- submit examples/${file}`);
});
