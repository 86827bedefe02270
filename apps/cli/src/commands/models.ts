/** triptych models: list them, import a folder or an adapter, mix two, bring a trained one home in Hugging Face layout. */
import { resolve } from 'node:path';
import type { Model } from '@triptych/protocol';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { downloadModel } from '../download-model.ts';
import { findModel } from '../find-model.ts';
import { number } from '../option-values.ts';
import { renderTable } from '../table.ts';

export function register(program: Command, context: CommandContext): void {
  const { stdout, signal } = context;
  const models = program.command('models').description('what runs start from, and what they made');

  models
    .command('list')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const all: Model[] = [];
      for await (const model of context.client().models.list({ signal })) all.push(model);
      stdout.write(json ? `${JSON.stringify(all, null, 2)}\n` : modelTable(all));
    });

  models
    .command('import')
    .description(
      'a folder in Hugging Face layout, or an adapter of PEFT; the control plane must see it under the same path',
    )
    .argument('<folder>')
    .requiredOption('--name <name>', 'unique name of the model')
    .option('--base <model>', 'id or name of the model that an adapter belongs to')
    .action(async (folder: string, { name, base }: { name: string; base?: string }) => {
      const body = { name, path: resolve(folder), ...(base !== undefined && { base }) };
      const model = await context.client().models.import(body, { signal });
      stdout.write(modelTable([model]));
    });

  models
    .command('interpolate')
    .description('a model between two others (WiSE-FT): (1 - alpha) base + alpha trained')
    .argument('<base>', 'id or name of the model that a run started from')
    .argument('<trained>', 'id or name of the model that it made, or id of the run')
    .requiredOption('--alpha <number>', 'from 0, the base, to 1, the trained one', number)
    .requiredOption('--name <name>', 'unique name of the new model')
    .action(async (base: string, id: string, { alpha, name }: { alpha: number; name: string }) => {
      const trained = await findModel(context, id);
      const body = { base, trained: trained.id, alpha, name };
      stdout.write(modelTable([await context.client().models.interpolate(body, { signal })]));
    });

  models
    .command('download')
    .description('the files of a model: model.safetensors, config.json, tokenizer')
    .argument('<run or model>', 'id or name of a model, or id of the run that trained it')
    .requiredOption('--out <folder>', 'made where it does not exist')
    .action(async (id: string, { out }: { out: string }) => {
      const model = await findModel(context, id);
      for await (const { path, bytes } of downloadModel({
        client: context.client(),
        model,
        folder: out,
        signal,
      })) {
        stdout.write(`${path}  ${bytes} bytes\n`);
      }
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
