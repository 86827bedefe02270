/** triptych parity: our implementation against golden cases of reference implementations. */
import { type Backend, TriptychError } from '@triptych/protocol';
import type { CaseReport } from '@triptych/training/parity';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { caseReport, paritySummary } from '../parity-report.ts';

interface ParityFlags {
  readonly backend: Backend;
  readonly vocabulary?: string;
  readonly json?: boolean;
}

export function register(program: Command, context: CommandContext): void {
  program
    .command('parity')
    .argument('<folder>', 'a golden case (a folder with a case.json), or a folder of golden cases')
    .description('compare what we compute with the results of a reference implementation')
    .addOption(
      new Option('--backend <backend>', 'what computes')
        .choices(['wasm', 'cpu', 'tensorflow', 'webgpu'])
        .default('wasm'),
    )
    .option('--vocabulary <folder>', "with vocab.json and merges.txt, for cases of CLIP's tokenizer")
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 all within their tolerance; 1 not; 2 no golden case of a known kind.\n',
    )
    .action((folder: string, flags: ParityFlags) => parity(folder, flags, context));
}

async function parity(
  folder: string,
  { backend, vocabulary, json }: ParityFlags,
  { stdout, stderr, signal, exitWith }: CommandContext,
): Promise<void> {
  const { runParity } = await import('@triptych/training/parity');
  try {
    const reports = await runParity({
      ...{ folder, backend, vocabulary, signal },
      onEngine: ({ device }) => stderr.write(`comparing on ${backend} (${device})\n`),
      ...(!json && { onCase: (report: CaseReport) => stdout.write(caseReport(report)) }),
    });
    stdout.write(json ? jsonText({ backend, cases: reports }) : paritySummary(reports));
    exitWith(exitCodeOf(reports));
  } catch (error) {
    if (!(error instanceof TriptychError) || error.code !== 'NOT_FOUND') throw error;
    stderr.write(`${error.message}\n`);
    exitWith(exitCodes.usage);
  }
}

function exitCodeOf(reports: readonly CaseReport[]): number {
  const wrong = (report: CaseReport) =>
    report.state === 'failed' || (report.state === 'compared' && !report.within);
  if (reports.some(wrong)) return exitCodes.error;
  return reports.some(({ state }) => state === 'unknown') ? exitCodes.usage : exitCodes.succeeded;
}
