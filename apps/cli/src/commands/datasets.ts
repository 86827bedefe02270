/** triptych datasets: draw the sample, register a folder of the control plane's machine, list, show, delete. */
import { resolve } from 'node:path';
import type { Dataset, DatasetFormat } from '@triptych/protocol';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { registerDeletion } from '../deletion.ts';
import { jsonText } from '../json-text.ts';
import { integer } from '../option-values.ts';
import { ProgressDisplay } from '../progress.ts';
import { renderTable } from '../table.ts';

interface RegisterOptions {
  readonly name: string;
  readonly format?: DatasetFormat;
  readonly json?: boolean;
}

interface SampleOptions {
  readonly images: number;
  readonly seed: number;
  readonly json?: boolean;
}

export function register(program: Command, context: CommandContext): void {
  const { stdout, signal } = context;
  const datasets = program.command('datasets').description('what runs can train on');

  datasets
    .command('register')
    .description('read a folder of images and annotations; the control plane must see it under the same path')
    .argument('<folder>', 'COCO captions, a sub-folder of images for each class, or another layout')
    .requiredOption('--name <name>', 'unique name of the dataset')
    .option(
      '--format <format>',
      'found out where it is not given; one that the server does not have names all',
    )
    .option('--json', 'the dataset as JSON')
    .action(async (folder: string, options: RegisterOptions) => {
      const { name, format } = options;
      const request = { name, path: resolve(folder), ...(format === undefined ? {} : { format }) };
      const dataset = await context.client().datasets.register(request, { signal });
      stdout.write(options.json ? jsonText(dataset) : describe(dataset));
    });

  datasets
    .command('sample')
    .description(
      'draw the sample dataset "scenes" into a folder of this machine; the same seed, the same files',
    )
    .argument('<folder>', 'made here, or replaced where it holds a sample already')
    .option('--images <number>', 'in all three splits', integer, 3000)
    .option('--seed <number>', 'of every picture', integer, 0)
    .option('--json', 'what was drawn, as JSON')
    .action((folder: string, options: SampleOptions) => drawSample(context, folder, options));

  datasets
    .command('list')
    .description('registered datasets, newest first')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const all: Dataset[] = [];
      for await (const dataset of context.client().datasets.list({ signal })) all.push(dataset);
      stdout.write(json ? jsonText(all) : datasetTable(all));
    });

  datasets
    .command('show')
    .description('one dataset: its splits, and what was found wrong in its folder')
    .argument('<dataset>', 'id or name')
    .option('--json', 'as JSON')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const dataset = await context.client().datasets.get(id, { signal });
      stdout.write(json ? jsonText(dataset) : describe(dataset));
    });

  registerDeletion(datasets, context, {
    what: 'dataset',
    description: 'delete datasets that no live run trains on; the folders that they were read from stay',
    delete: (id) => context.client().datasets.delete(id, { signal }),
  });
}

async function drawSample(
  { stdout, stderr, signal }: CommandContext,
  folder: string,
  { json: asJson, ...options }: SampleOptions,
) {
  // Loaded only here: it brings the image library.
  const { writeScenes } = await import('@triptych/datasets');
  const display = new ProgressDisplay({ output: stderr });
  const { path, splits, classNames } = await writeScenes({
    path: folder,
    ...options,
    signal,
    onProgress: ({ done, total }) => display.update({ phase: 'drawing', step: done, totalSteps: total }),
  });
  display.finish();
  const counts = Object.entries(splits).map(([split, images]) => `${images} ${split}`);
  const told = `${path}: ${counts.join(', ')}; classes ${classNames.join(', ')}\n`;
  stdout.write(asJson ? jsonText({ path, splits, classNames }) : told);
}

function datasetTable(datasets: readonly Dataset[]): string {
  return renderTable({
    head: ['dataset', 'name', 'format', 'images', 'created'],
    rows: datasets.map(({ id, name, format, splits, createdAt }) => [
      id,
      name,
      format,
      String(splits.reduce((sum, { images }) => sum + images, 0)),
      createdAt,
    ]),
    right: [3],
  });
}

function describe({ id, name, format, path, splits, problems }: Dataset): string {
  const table = renderTable({
    head: ['split', 'samples', 'images', 'captions', 'classes'],
    rows: splits.map(({ split, samples, images, captions, classes }) => [
      split,
      ...[samples, images, captions, classes].map(String),
    ]),
    right: [1, 2, 3, 4],
  });
  const left = problems.map(
    ({ kind, count, examples }) => `found: ${count} x ${kind}, such as ${examples.slice(0, 3).join(', ')}\n`,
  );
  return `${name} (${id}), ${format}, ${path}\n\n${table}${left.length > 0 ? '\n' : ''}${left.join('')}`;
}
