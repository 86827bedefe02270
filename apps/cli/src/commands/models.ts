/** triptych models: list them, import a folder or an adapter, mix two, bring a trained one home in Hugging Face layout, delete. */
import { resolve } from 'node:path';
import type { ModelFile } from '@triptych/client';
import type { Model } from '@triptych/protocol';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { registerDeletion } from '../deletion.ts';
import { downloadModel } from '../download-model.ts';
import { findModel } from '../find-model.ts';
import { jsonText } from '../json-text.ts';
import { number } from '../option-values.ts';
import { renderTable } from '../table.ts';

interface JsonFlag {
  readonly json?: boolean;
}

export function register(program: Command, context: CommandContext): void {
  const { stdout, signal } = context;
  const models = program.command('models').description('what runs start from, and what they made');

  models
    .command('list')
    .description('presets, then imported and trained models, newest first')
    .option('--json', 'as JSON')
    .action(async (flags: JsonFlag) => {
      const all: Model[] = [];
      for await (const model of context.client().models.list({ signal })) all.push(model);
      stdout.write(flags.json ? jsonText(all) : modelTable(all));
    });

  models
    .command('import')
    .description(
      'a folder in Hugging Face layout, or an adapter of PEFT; the control plane must see it under the same path',
    )
    .argument('<folder>', 'with config.json and model.safetensors, or adapter_config.json')
    .requiredOption('--name <name>', 'unique name of the model')
    .option('--base <model>', 'id or name of the model that an adapter belongs to')
    .option('--json', 'the model as JSON')
    .action(async (folder: string, flags: JsonFlag & { name: string; base?: string }) => {
      const { name, base } = flags;
      const body = { name, path: resolve(folder), ...(base !== undefined && { base }) };
      const model = await context.client().models.import(body, { signal });
      stdout.write(flags.json ? jsonText(model) : modelTable([model]));
    });

  models
    .command('interpolate')
    .description('a model between two others (WiSE-FT): (1 - alpha) base + alpha trained')
    .argument('<base>', 'id or name of the model that a run started from')
    .argument('<trained>', 'id or name of the model that it made, or id or name of the run')
    .requiredOption('--alpha <number>', 'from 0, the base, to 1, the trained one', number)
    .requiredOption('--name <name>', 'unique name of the new model')
    .option('--json', 'the model as JSON')
    .action(async (base: string, id: string, flags: JsonFlag & { alpha: number; name: string }) => {
      const { alpha, name } = flags;
      const trained = await findModel(context, id);
      const body = { base, trained: trained.id, alpha, name };
      const model = await context.client().models.interpolate(body, { signal });
      stdout.write(flags.json ? jsonText(model) : modelTable([model]));
    });

  models
    .command('download')
    .description('the files of a model: model.safetensors, config.json, tokenizer')
    .argument('<run or model>', 'id or name of a model, or id or name of the run that trained it')
    .requiredOption('--out <folder>', 'made where it does not exist')
    .option('--json', 'the model, the folder and its files as JSON, when all are there')
    .action(async (id: string, { out, ...flags }: JsonFlag & { out: string }) => {
      const client = context.client();
      const model = await findModel(context, id);
      const files: ModelFile[] = [];
      for await (const file of downloadModel({ client, model, folder: out, signal })) {
        files.push(file);
        if (!flags.json) stdout.write(`${file.path}  ${file.bytes} bytes\n`);
      }
      if (flags.json) stdout.write(jsonText({ model: model.id, folder: resolve(out), files }));
    });

  registerDeletion(models, context, {
    what: 'model',
    description: 'delete models that no live run starts from; the runs that trained them stay',
    delete: (id) => context.client().models.delete(id, { signal }),
  });
}

const modelTable = (models: readonly Model[]): string =>
  renderTable({
    head: ['model', 'name', 'kind', 'parameters', 'description'],
    rows: models.map(({ id, name, kind, parameters, description }) => [
      id,
      name,
      kind,
      String(parameters),
      description,
    ]),
    right: [3],
  });
