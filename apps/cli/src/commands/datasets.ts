/** triptych datasets: draw the sample, register a folder of the control plane's machine, watch how it is read, list, show, delete. */
import { resolve } from 'node:path';
import type { Dataset, DatasetFormat } from '@triptych/protocol';
import type { Command } from 'commander';
import { type CommandContext, Interrupted } from '../context.ts';
import { registerDeletion } from '../deletion.ts';
import { exitCodes } from '../exit-codes.ts';
import { followRegistration } from '../follow-registration.ts';
import { jsonText } from '../json-text.ts';
import { integer } from '../option-values.ts';
import { ProgressDisplay } from '../progress.ts';
import { renderTable } from '../table.ts';

interface RegisterOptions {
  readonly name: string;
  readonly format?: DatasetFormat;
  readonly detach?: boolean;
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
    .option('--detach', 'do not wait until it has been read')
    .option('--json', 'the dataset as JSON; how it is read goes to the standard error')
    .action(async (folder: string, options: RegisterOptions) => {
      const { name, format, detach, json } = options;
      const request = { name, path: resolve(folder), ...(format === undefined ? {} : { format }) };
      const dataset = await context.client().datasets.register(request, { signal });
      if (!detach) return await watchToTheEnd(context, dataset.id, { json });
      stdout.write(json ? jsonText(dataset) : goesOn(dataset.name));
    });

  datasets
    .command('watch')
    .description('follow how the folder of a dataset is read; Ctrl-C detaches and the reading goes on')
    .argument('<dataset>', 'id or name')
    .option('--json', 'the dataset as JSON when it is READY; how it is read goes to the standard error')
    .action((dataset: string, { json }: { json?: boolean }) => watchToTheEnd(context, dataset, { json }));

  datasets
    .command('cancel')
    .description('end the reading of a folder; its name is free for another try')
    .argument('<dataset>', 'id or name')
    .option('--json', 'the dataset as JSON')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const dataset = await context.client().datasets.cancel(id, { signal });
      stdout.write(json ? jsonText(dataset) : describe(dataset));
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

/** By id or name. The exit code is that of an error where the dataset is INVALID; after Ctrl-C, "not finished". */
async function watchToTheEnd(
  context: CommandContext,
  dataset: string,
  { json }: { readonly json: boolean | undefined },
): Promise<void> {
  const { stdout, stderr, signal } = context;
  const client = context.client();
  try {
    const display = new ProgressDisplay({ output: stderr });
    const ready = await followRegistration({ client, dataset, display, signal });
    stdout.write(json ? jsonText(ready) : describe(ready));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    stderr.write(goesOn(dataset));
    context.exitWith(exitCodes.notFinished);
  }
}

const goesOn = (dataset: string): string =>
  `The control plane reads it. Come back with: triptych datasets watch ${dataset}\n`;

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
    head: ['dataset', 'name', 'state', 'format', 'images', 'created'],
    rows: datasets.map(({ id, name, state, format, splits, createdAt }) => [
      ...[id, name, state, format],
      String(splits.reduce((sum, { images }) => sum + images, 0)),
      createdAt,
    ]),
    right: [4],
  });
}

function describe({ id, name, state, failure, progress, format, path, splits, problems }: Dataset): string {
  if (state !== 'READY') {
    const { phase, done, total } = progress ?? { phase: 'waiting', done: 0, total: 0 };
    const why = failure ? failure.message : `${phase} ${done} of ${total} images`;
    return `${name} (${id}), ${format}, ${path}\n${state}: ${why}\n`;
  }
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
