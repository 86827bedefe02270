/**
 * What a run really takes, beside what the plan says it will: each case is a whole run (loading, steps, checkpoint, scores,
 * published model) on generated pictures in a process of its own, whose peak resident memory is read at the end.
 *
 *   node packages/training/dist/bench/memory.js [--json FILE] [--cases clip-small:64,clip-vit-base-patch32:4x4] [--backend wasm]
 *
 * A case is MODEL:SAMPLES or MODEL:SAMPLESxSHARDS: samples in a shard, shards in the batch (1). Every case runs with and
 * without checkpointing, and the weights are compared before any figure is believed. A shared machine does not disturb the
 * figures, swapping does.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packDataset, writeScenes } from '@triptych/datasets';
import { presets } from '@triptych/models/catalog';
import type { ResolvedRunSpec } from '@triptych/protocol';
import { folderStore } from '@triptych/storage';
import { estimateMemory, type MemoryEstimate, resolveRunSpec } from '../catalog/index.ts';
import type { Answer, Order } from './messages.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    cases: {
      type: 'string',
      default:
        'clip-tiny:8,clip-small:8,clip-small:64,clip-small:8x8,clip-vit-base-patch32:4,clip-vit-base-patch32:16,clip-vit-base-patch16:4',
    },
    steps: { type: 'string', default: '2' },
    backend: { type: 'string', default: 'wasm' },
    memory: { type: 'string', default: 'keep,checkpoint' },
  },
});

interface Row extends Answer {
  readonly model: string;
  readonly samples: number;
  readonly shards: number;
  readonly memory: ResolvedRunSpec['memory'];
  readonly estimate: MemoryEstimate;
  /** Estimate over measurement. */
  readonly ratio: number;
  readonly heapRatio: number | undefined;
}

const IMAGES = 400;
const home = await mkdtemp(join(tmpdir(), 'triptych-memory-'));
try {
  const dataset = await generatedDataset(home);
  process.stdout.write(
    'model                       shard  memory              peak MiB  estimate  ratio   heap MiB  estimate  ratio      s\n',
  );
  const rows: Row[] = [];
  for (const name of options.cases.split(',')) {
    const weights = new Set<string>();
    for (const memory of options.memory.split(',') as ResolvedRunSpec['memory'][]) {
      const row = await measure({ ...caseOf(name), memory, ...dataset });
      rows.push(row);
      process.stdout.write(`${lineOf(row)}\n`);
      if (row.weights) weights.add(row.weights);
    }
    if (weights.size > 1) throw new Error(`${name}: the weights differ: ${[...weights].join(', ')}`);
  }
  if (options.json) await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
} finally {
  await rm(home, { recursive: true, force: true });
}

interface GeneratedDataset {
  readonly artifacts: string;
  readonly datasetManifest: string;
  readonly trainSamples: number;
}

async function generatedDataset(folder: string): Promise<GeneratedDataset> {
  const path = join(folder, 'scenes');
  await writeScenes({ path, images: IMAGES, seed: 1 });
  const artifacts = join(folder, 'artifacts');
  const store = folderStore(artifacts);
  const { manifest, splits } = await packDataset({ path, format: 'auto', store });
  // Texts are computed to their last token: the most that they can take is a full context.
  const long = (caption: string) => Array.from({ length: 20 }, () => caption).join(' ');
  const samples = manifest.samples.map((one) => ({
    ...one,
    content:
      one.content.kind === 'captions' ? { ...one.content, texts: one.content.texts.map(long) } : one.content,
  }));
  const { sha256 } = await store.put(new TextEncoder().encode(JSON.stringify({ ...manifest, samples })));
  const { samples: trainSamples } = splits.find(({ split }) => split === 'train')!;
  return { artifacts, datasetManifest: sha256, trainSamples };
}

function caseOf(name: string): { model: string; samples: number; shards: number } {
  const [, model = '', samples, shards = '1'] = /^([^:]+):(\d+)(?:x(\d+))?$/.exec(name) ?? [];
  if (!presets.has(model))
    throw new Error(`"${name}" names no preset; use one of ${[...presets.keys()].join(', ')}`);
  return { model, samples: Number(samples), shards: Number(shards) };
}

async function measure(
  run: ReturnType<typeof caseOf> & GeneratedDataset & { memory: ResolvedRunSpec['memory'] },
): Promise<Row> {
  const { model, samples, shards, memory, artifacts, datasetManifest, trainSamples } = run;
  const { architecture, config } = presets.get(model)!;
  const steps = Number(options.steps);
  const spec = resolveRunSpec(
    {
      model,
      dataset: 'scenes',
      memory,
      batch: { global: samples * shards, shards },
      duration: { steps },
      checkpoint: { everySteps: steps },
      evaluation: { baseline: false, split: 'test', tasks: ['retrieval'] },
    },
    { architecture, modelConfig: config, dataset: { trainSamples } },
  );
  const estimate = estimateMemory(
    { architecture, config },
    { ...spec, trainSamples, worldSize: 1, evaluates: true },
  );
  const answer = await inOwnProcess({
    spec,
    backend: options.backend as Order['backend'],
    artifacts,
    datasetManifest,
  });
  return {
    model,
    samples,
    shards,
    memory,
    estimate,
    ...answer,
    ratio: estimate.processBytes / answer.peakRssBytes,
    heapRatio: answer.heapBytes === undefined ? undefined : estimate.heapBytes / answer.heapBytes,
  };
}

function inOwnProcess(order: Order): Promise<Answer> {
  const child = fork(new URL('./measured-process.js', import.meta.url));
  return new Promise((resolve, reject) => {
    child.once('message', (answer: Answer) => resolve(answer));
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`the measured process ended with ${code ?? signal}`)),
    );
    child.send(order);
  });
}

function lineOf(row: Row): string {
  const mebibytes = (bytes: number | undefined) =>
    bytes === undefined ? '-' : Math.round(bytes / 2 ** 20).toFixed(0);
  const line = [
    row.model.padEnd(27),
    `${row.samples}${row.shards > 1 ? `x${row.shards}` : ''}`.padStart(5),
    ` ${row.memory}${row.estimate.recompute ? ' (recompute)' : ''}`.padEnd(19),
    mebibytes(row.peakRssBytes).padStart(9),
    mebibytes(row.estimate.processBytes).padStart(9),
    row.ratio.toFixed(2).padStart(6),
    mebibytes(row.heapBytes).padStart(10),
    mebibytes(row.estimate.heapBytes).padStart(9),
    (row.heapRatio?.toFixed(2) ?? '-').padStart(6),
    row.seconds.toFixed(0).padStart(6),
  ].join(' ');
  return row.outcome === 'finished' ? line : `${line}  ${row.message}`;
}
