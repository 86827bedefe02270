/** The command line as a whole: global options, one line for each module in commands/, errors as text and exit code. */
import { createRequire } from 'node:module';
import { TriptychClient } from '@triptych/client';
import { TriptychError } from '@triptych/protocol';
import { Command, CommanderError } from 'commander';
import * as artifacts from './commands/artifacts.ts';
import * as certificates from './commands/certificates.ts';
import * as compare from './commands/compare.ts';
import * as datasets from './commands/datasets.ts';
import * as engine from './commands/engine.ts';
import * as models from './commands/models.ts';
import * as parity from './commands/parity.ts';
import * as predict from './commands/predict.ts';
import * as reproduce from './commands/reproduce.ts';
import * as runs from './commands/runs.ts';
import * as submit from './commands/submit.ts';
import * as tokens from './commands/tokens.ts';
import * as watch from './commands/watch.ts';
import * as workers from './commands/workers.ts';
import { type CommandContext, type CommandModule, Interrupted, type Output } from './context.ts';
import { exitCodeHelp, exitCodeOfError, exitCodes } from './exit-codes.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const commands: readonly CommandModule[] = [
  submit,
  watch,
  runs,
  compare,
  datasets,
  models,
  artifacts,
  predict,
  reproduce,
  workers,
  tokens,
  engine,
  certificates,
  parity,
];

export interface ProgramOptions {
  /** Without `node` and the script. */
  readonly args: readonly string[];
  /** Where --url does not say otherwise. */
  readonly url: string;
  /** The API token for a control plane; undefined: none. */
  readonly token?: (url: string) => string | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  readonly confirm?: CommandContext['confirm'];
  /** Commands of other rooms of this app. */
  readonly more?: readonly CommandModule[];
}

/** Runs one command line to its end; resolves to the exit code, never rejects for what a user can cause. */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const { args, stdout, stderr, signal, confirm, more = [] } = options;
  const program = new Command('triptych')
    .description('distributed fine-tuning of multimodal models')
    .version(version, '-V, --version', 'of this program')
    .option('--url <url>', 'of the control plane (TRIPTYCH_URL)', options.url)
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .addHelpText('after', exitCodeHelp)
    .exitOverride();

  let exitCode: number = exitCodes.succeeded;
  const context: CommandContext = {
    stdout,
    stderr,
    signal,
    confirm,
    client: () => {
      const { url } = program.opts<{ url: string }>();
      return new TriptychClient({ url, token: options.token?.(url) });
    },
    exitWith(code) {
      exitCode = code;
    },
  };
  for (const command of [...commands, ...more]) command.register(program, context);

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    if (error instanceof Interrupted) return exitCodes.interrupted;
    stderr.write(describe(error));
    return exitCodeOfError(error);
  }
}

/** The service speaks of headers and the page; a command line has other ways. */
const WHERE_TOKENS_ARE_TAKEN_FROM =
  'Set TRIPTYCH_TOKEN to the token, or TRIPTYCH_TOKEN_FILE to the file that has it: a local stack keeps one as "token" in its --home folder\n';

function describe(error: unknown): string {
  if (error instanceof TriptychError) {
    const violations = error.violations.map(
      ({ path, expected, actual, remedy }) =>
        `  ${path || '(whole)'}: expected ${expected}, got ${actual}; ${remedy}\n`,
    );
    // The lines below say all that the message of a schema violation says.
    const message = violations.length > 0 ? error.kind.title : error.message;
    const remedy = error.code === 'UNAUTHENTICATED' ? WHERE_TOKENS_ARE_TAKEN_FROM : '';
    return `${error.code}: ${message}\n${violations.join('')}${remedy}`;
  }
  // What the system says (a file that is not there) is for the user; the rest is a bug, and needs its stack.
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return code === undefined ? `${stack ?? String(error)}\n` : `${message}\n`;
}
