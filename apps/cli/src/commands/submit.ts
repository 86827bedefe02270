/** triptych submit: a run from a spec file, from options, or from a file with options on top. */
import {
  ActivationMemory,
  invalidInput,
  type Run,
  type RunSpec,
  runSpecViolations,
} from '@triptych/protocol';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { jsonText } from '../json-text.ts';
import { readNamedJson } from '../named-file.ts';
import { integer, number } from '../option-values.ts';
import { planTable } from '../plan-table.ts';
import { renderTable } from '../table.ts';
import { watchToTheEnd } from './watch.ts';

interface SubmitOptions {
  readonly model?: string;
  readonly dataset?: string;
  readonly name?: string;
  readonly seed?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly batch?: number;
  readonly shards?: number;
  readonly learningRate?: number;
  readonly workers?: number;
  readonly memory?: ActivationMemory;
  readonly priority?: number;
  readonly idempotencyKey?: string;
  readonly plan?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export function register(program: Command, context: CommandContext): void {
  program
    .command('submit')
    .description('submit a run; what neither file nor options say comes from the recipe of the model')
    .argument('[spec]', 'run spec, a JSON file')
    .option('--model <name>', 'preset, or id or name of a trained or imported model')
    .option('--dataset <name>', 'id or name of a registered dataset')
    .option('--name <name>', 'a name for the run')
    .option('--seed <number>', 'for initial weights and sample order', integer)
    .addOption(new Option('--steps <number>', 'how long to train').argParser(integer).conflicts('epochs'))
    .option('--epochs <number>', 'how long to train', integer)
    .option('--batch <number>', 'samples a step, over all workers', integer)
    .option('--shards <number>', 'fixed slices of a batch: the most workers that can share it', integer)
    .option('--learning-rate <number>', 'at the end of the warm-up', number)
    .option('--workers <number>', 'at least and at most so many', integer)
    .addOption(
      new Option(
        '--memory <kind>',
        'checkpoint: less memory for a third more arithmetic, same weights',
      ).choices(ActivationMemory.anyOf.map((kind) => kind.const)),
    )
    .option('--priority <number>', '0 is the most urgent', integer)
    .option('--idempotency-key <key>', 'submitting again with the same key gives the same run')
    .option('--plan', 'say what would happen and how long it would take, and submit nothing')
    .option('--watch', 'follow the run; the exit code is that of its end')
    .option('--json', 'the run as JSON, with --watch as it ended; with --plan the plan, with the whole spec')
    .action((file: string | undefined, options: SubmitOptions) => submit(context, file, options));
}

async function submit(
  context: CommandContext,
  file: string | undefined,
  options: SubmitOptions,
): Promise<void> {
  const spec = specOf(file === undefined ? {} : await readSpec(file), options);
  const { runs } = context.client();
  const { signal } = context;
  if (options.plan) {
    const plan = await runs.plan(spec, { signal });
    context.stdout.write(options.json ? jsonText(plan) : planTable(plan));
    return;
  }
  const key = options.idempotencyKey;
  const run = await runs.create(spec, { signal, ...(key === undefined ? {} : { idempotencyKey: key }) });
  if (!options.json) context.stdout.write(submitted(run));
  else if (!options.watch) context.stdout.write(jsonText(run));
  if (options.watch) await watchToTheEnd(context, run.id, options);
}

/** What the service takes. */
const MAX_SPEC_BYTES = 2 ** 20;

const submitted = ({ id, status, message }: Run): string =>
  renderTable({ head: ['run', 'status', 'message'], rows: [[id, status, message]] });

const readSpec = (path: string): Promise<Partial<RunSpec>> =>
  readNamedJson(
    {
      ...{ path, option: 'SPEC', what: 'a run spec', limitBytes: MAX_SPEC_BYTES },
      remedy: 'name a JSON file such as those in examples/, or say --model and --dataset without a file',
    },
    {
      form: 'an object with the fields of a run spec',
      fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    },
  ) as Promise<Partial<RunSpec>>;

/** Options win over the file. The service checks the rest: it knows the models and the datasets. */
function specOf(file: Partial<RunSpec>, options: SubmitOptions): RunSpec {
  const {
    model,
    dataset,
    name,
    seed,
    steps,
    epochs,
    batch,
    shards,
    learningRate,
    workers,
    memory,
    priority,
  } = options;
  const spec = {
    ...file,
    ...defined({ model, dataset, name, seed, memory, priority }),
    ...(steps === undefined ? {} : { duration: { steps } }),
    ...(epochs === undefined ? {} : { duration: { epochs } }),
    ...merged('batch', file.batch, { global: batch, shards }),
    ...merged('optimizer', file.optimizer, { learningRate }),
    ...merged('workers', file.workers, { min: workers, max: workers }),
  };
  const violations = runSpecViolations(spec);
  if (violations.length > 0) throw invalidInput('run spec', violations);
  return spec as RunSpec;
}

/** `{ [name]: ... }` with the file's fields and the given ones, or nothing where there are none. */
function merged(name: string, file: object | undefined, options: object): object {
  const given = defined(options);
  return Object.keys(given).length === 0 ? {} : { [name]: { ...file, ...given } };
}

const defined = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
