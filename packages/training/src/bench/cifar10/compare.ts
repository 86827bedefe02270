/**
 * CLIP on CIFAR-10 (or any class folders) beside PyTorch: the same initial weights, batches, captions, learning rates and AdamW,
 * seed by seed; zero-shot accuracy of both on the held-out tenth.
 *
 *   node packages/training/dist/bench/cifar10/compare.js --data cifar10/train [--steps N] [--seeds 0,1,2] [--json FILE]
 *
 * TRIPTYCH_PYTHON names a Python with torch. The losses of the first step are compared before any accuracy is believed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { memoryGroups } from '@triptych/collective';
import { packDataset } from '@triptych/datasets';
import { presets } from '@triptych/models';
import { selectBackend } from '@triptych/nn';
import type { ResolvedRunSpec } from '@triptych/protocol';
import { type ArtifactStore, folderStore } from '@triptych/storage';
import { resolveRunSpec } from '../../catalog/resolve-run-spec.ts';
import { train } from '../../train.ts';
import { writePeerTask } from './peer-task.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    model: { type: 'string', default: 'clip-small' },
    epochs: { type: 'string', default: '9' },
    steps: { type: 'string' },
    batch: { type: 'string', default: '64' },
    seeds: { type: 'string', default: '0,1,2' },
    json: { type: 'string' },
  },
});

interface Result {
  /** Zero-shot, of the held-out images. */
  readonly accuracy: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  /** Of the training alone. */
  readonly seconds: number;
}

const python = process.env['TRIPTYCH_PYTHON'] ?? 'python3';
const peer = fileURLToPath(new URL('../../../bench/cifar10_peer.py', import.meta.url));

if (!options.data) throw new Error('--data names a folder with one folder of images for each class');
await selectBackend({ backend: 'wasm' });
const home = await mkdtemp(join(tmpdir(), 'triptych-cifar10-'));
try {
  const store = folderStore(join(home, 'artifacts'));
  const dataset = await packDataset({ path: options.data, format: 'class-folders', store });
  const rows = [];
  for (const seed of options.seeds.split(',').map(Number)) {
    const spec = specOf(seed, dataset);
    const run = { spec, store, datasetManifest: dataset.sha256 };
    const folder = join(home, `seed-${seed}`);
    await writePeerTask({ ...run, folder });
    const pytorch = torchResult(folder);
    const triptych = await ownResult(run);
    if (Math.abs(pytorch.firstLoss / triptych.firstLoss - 1) > 1e-4)
      throw new Error(`the first losses differ: ${triptych.firstLoss} here, ${pytorch.firstLoss} in PyTorch`);
    rows.push({ seed, triptych, pytorch });
    process.stdout.write(`seed ${seed}  triptych ${shown(triptych)}  |  pytorch ${shown(pytorch)}\n`);
    await rm(folder, { recursive: true });
  }
  const [ours, theirs] = [summary(rows.map((row) => row.triptych)), summary(rows.map((row) => row.pytorch))];
  process.stdout.write(
    `mean      triptych ${percent(ours.mean)} (${percent(ours.least)} to ${percent(ours.most)})  |  ` +
      `pytorch ${percent(theirs.mean)} (${percent(theirs.least)} to ${percent(theirs.most)})\n` +
      `the means are ${percent(Math.abs(ours.mean - theirs.mean))} apart, PyTorch's seeds ${percent(theirs.most - theirs.least)}\n`,
  );
  if (options.json) await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
} finally {
  await rm(home, { recursive: true, force: true });
}

function specOf(
  seed: number,
  { splits, manifest }: Awaited<ReturnType<typeof packDataset>>,
): ResolvedRunSpec {
  const { architecture, config } = presets.get(options.model)!;
  const trainSamples = splits.find(({ split }) => split === 'train')!.samples;
  return resolveRunSpec(
    {
      model: options.model,
      dataset: 'cifar10',
      seed,
      duration: options.steps ? { steps: Number(options.steps) } : { epochs: Number(options.epochs) },
      batch: { global: Number(options.batch), shards: 1 },
      checkpoint: { everySteps: 0 },
      evaluation: { tasks: ['zero-shot'], split: 'validation', baseline: false },
    },
    {
      architecture,
      modelConfig: config,
      dataset: { trainSamples, splits, classNames: manifest.classNames },
    },
  );
}

async function ownResult(run: {
  spec: ResolvedRunSpec;
  store: ArtifactStore;
  datasetManifest: string;
}): Promise<Result> {
  const [group] = memoryGroups(1);
  const losses: number[] = [];
  let accuracy = Number.NaN;
  let [began, ended] = [0, 0];
  for await (const event of train({
    ...run,
    datasetManifests: [run.datasetManifest],
    group: group!,
    signal: new AbortController().signal,
  })) {
    if (event.$case === 'phase' && event.value.phase === 'training') began = performance.now();
    if (event.$case === 'phase' && event.value.phase === 'evaluating') ended = performance.now();
    if (event.$case === 'step') losses.push(event.value.loss);
    if (event.$case === 'score' && event.value.metric === 'accuracy@1') accuracy = event.value.value;
  }
  const seconds = (ended - began) / 1000;
  return { accuracy, firstLoss: losses[0]!, lastLoss: losses.at(-1)!, seconds };
}

function torchResult(folder: string): Result {
  const { status, stdout } = spawnSync(python, [peer, folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0)
    throw new Error(`${python} ${peer} ended with ${status}; name a Python with torch in TRIPTYCH_PYTHON`);
  return JSON.parse(stdout) as Result;
}

function summary(results: readonly Result[]) {
  const all = results.map(({ accuracy }) => accuracy);
  return {
    mean: all.reduce((sum, one) => sum + one, 0) / all.length,
    least: Math.min(...all),
    most: Math.max(...all),
  };
}

function shown({ accuracy, firstLoss, lastLoss, seconds }: Result): string {
  return `${percent(accuracy)}  loss ${firstLoss.toFixed(5)} to ${lastLoss.toFixed(5)}  ${seconds.toFixed(0)} s`;
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}
