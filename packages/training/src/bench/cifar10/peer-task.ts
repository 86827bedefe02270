/**
 * What PyTorch needs to take the same steps: initial weights, pictures, token ids, and for every step its samples, captions and
 * learning rate. Plain binary files and one JSON.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mixturePlan, openDataset, randomStream, zeroShotPrompts } from '@triptych/datasets';
import type { ClipConfig } from '@triptych/models';
import type { ResolvedRunSpec } from '@triptych/protocol';
import type { ArtifactStore } from '@triptych/storage';
import { totalSteps } from '../../catalog/steps.ts';
import { trainedGroups } from '../../catalog/trained-tensors.ts';
import { Examples } from '../../loading/examples.ts';
import { startingPoint } from '../../loading/starting-point.ts';
import { learningRateAt } from '../../schedule.ts';

export interface PeerTaskOptions {
  readonly spec: ResolvedRunSpec;
  readonly store: ArtifactStore;
  readonly datasetManifest: string;
  readonly folder: string;
}

export async function writePeerTask({
  spec,
  store,
  datasetManifest,
  folder,
}: PeerTaskOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, { buffer, byteOffset, byteLength }: ArrayBufferView) =>
    writeFile(join(folder, `${name}.bin`), new Uint8Array(buffer, byteOffset, byteLength));
  const dataset = await openDataset(store, datasetManifest);
  const start = await startingPoint({ spec, datasets: [dataset], store });
  using model = await start.factory.open({
    ...start,
    tensors: start.architecture.parameters(start.config),
    ...trainedGroups(start, spec),
    memory: spec.memory,
    inputs: spec.inputs,
    seed: spec.seed,
  });
  const { transform } = model.processor;
  const config = start.config as ClipConfig;
  await write('weights', model.trainable.flat);

  const { samples, classNames } = dataset.manifest;
  const examples = new Examples(dataset, { transform, position: 0, of: 1 });
  const pixels = new Uint8Array(samples.length * 3 * transform.size ** 2);
  for (const i of samples.keys()) pixels.set(await examples.pixels(i, 0), i * 3 * transform.size ** 2);
  await write('pixels', pixels);

  const captions = new Map<string, number>();
  const numberOf = (text: string) => {
    const number = captions.get(text) ?? captions.size;
    captions.set(text, number);
    return number;
  };
  const train = dataset.indices('train');
  const { global } = spec.batch;
  const plan = mixturePlan({
    datasets: [{ samples: train, weight: 1 }],
    globalBatch: global,
    seed: spec.seed,
  });
  const steps = totalSteps(spec, train.length);
  const rows = new Int32Array(steps * global);
  const texts = new Int32Array(steps * global);
  for (let step = 0; step < steps; step++)
    for (const [i, sample] of plan.batch(step).samples.entries()) {
      const { content } = samples[sample]!;
      if (content.kind !== 'captions') throw new Error(`sample ${sample} has no captions`);
      const count = content.texts.length;
      rows[step * global + i] = sample;
      texts[step * global + i] = numberOf(content.texts[plan.choose({ step, dataset: 0, sample, count })]!);
    }
  await write('rows', rows);
  await write('captions', texts);

  const prompts = classNames.map((name) => zeroShotPrompts(name, 'plain').map(numberOf));
  const held = dataset.indices('validation');
  // Batches of one caption each: the model's own tokens.
  const ids = [];
  for (const text of captions.keys()) {
    const example = {
      ...examples.at(train[0]!, { choose: () => 0, stream: () => randomStream(spec.seed) }),
      content: { kind: 'captions' as const, texts: [text] },
    };
    ids.push((await model.processor.batch([example])) as unknown as { ids: Int32Array });
  }
  await write('ids', Int32Array.from(ids.flatMap((batch) => [...batch.ids])));
  const peak = spec.optimizer.learningRate;
  const task = {
    config,
    parameters: model.trainable.layout.specs.map(({ key, shape, offset, length, decay }) => ({
      key,
      shape,
      offset,
      length,
      decay,
    })),
    optimizer: spec.optimizer,
    learningRates: Array.from({ length: steps }, (_, step) =>
      learningRateAt(step, { schedule: spec.schedule, peak, totalSteps: steps }),
    ),
    batch: global,
    transform,
    prompts,
    held: [...held],
    labels: Array.from(held, (sample) => samples[sample]!.classIndex),
  };
  await writeFile(join(folder, 'task.json'), JSON.stringify(task));
}
