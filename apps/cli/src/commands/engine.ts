/** triptych engine: install the native TensorFlow, and say which tensor backends work here. */
import type { EngineReport } from '@triptych/nn/setup';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { engineReport } from '../engine-report.ts';
import { exitCodes } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { positiveInteger } from '../option-values.ts';

interface InstallFlags {
  readonly libtensorflow: string;
  readonly gpu?: boolean;
  readonly folder?: string;
}

interface DoctorFlags {
  readonly json?: boolean;
  readonly threads: number;
  readonly device: 'auto' | 'cpu' | 'gpu';
  readonly folder?: string;
}

const folder = () =>
  new Option('--folder <folder>', 'where the native package lies (default: .triptych/engine)').env(
    'TRIPTYCH_ENGINE_DIR',
  );

export function register(program: Command, context: CommandContext): void {
  const engine = program.command('engine').description('the tensor engine of this machine');
  engine
    .command('install')
    .description('build the native TensorFlow backend from a library that you have')
    .requiredOption(
      '--libtensorflow <path>',
      'a TensorFlow wheel for Linux, an archive of libtensorflow (tar.gz), or a folder with what is in them',
    )
    .option('--gpu', 'for an NVIDIA GPU: it is an error, now and later, where there is none')
    .addOption(folder())
    .action((flags: InstallFlags) => install(flags, context));
  engine
    .command('doctor')
    .description('try every tensor backend, and say what to do about those that do not work')
    .option('--json', 'as JSON')
    .option('--threads <n>', 'threads for an operation', positiveInteger, 1)
    .addOption(
      new Option('--device <device>', 'what the backend auto is asked for')
        .choices(['auto', 'cpu', 'gpu'])
        .default('auto'),
    )
    .addOption(folder())
    .action((flags: DoctorFlags) => doctor(flags, context));
}

async function install(flags: InstallFlags, { stdout, stderr, signal }: CommandContext): Promise<void> {
  const { installTensorflow } = await import('@triptych/nn/setup');
  const { folder, engine } = await installTensorflow({
    library: flags.libtensorflow,
    ...(flags.gpu && { gpu: true }),
    ...(flags.folder && { folder: flags.folder }),
    signal,
    onProgress: (line) => stderr.write(`${line}\n`),
  });
  const versions = Object.entries(engine.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  stdout.write(`installed in ${folder}: ${versions.join(', ')}\ndevice    ${engine.device}\n`);
  stdout.write('The backend auto uses it from now on; `triptych engine doctor` shows how fast it is.\n');
}

async function doctor(flags: DoctorFlags, { stdout, signal, exitWith }: CommandContext): Promise<void> {
  const { examineEngines } = await import('@triptych/nn/setup');
  const report: EngineReport = await examineEngines({
    choice: {
      ...{ threads: flags.threads, device: flags.device },
      ...(flags.folder && { engineFolder: flags.folder }),
    },
    signal,
  });
  stdout.write(flags.json ? jsonText(report) : engineReport(report));
  if (report.auto.state !== 'works') exitWith(exitCodes.error);
}
