/** `triptych local`: the embedded stack until Ctrl-C. */
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { TOKEN_FILE } from '../api-token.ts';
import { Ending } from './ending.ts';
import { loginUrl } from './login-url.ts';
import type { Stack, StackEvent } from './options.ts';
import { startStack } from './stack.ts';

interface LocalOptions {
  readonly workers: number;
  readonly backend: string;
  readonly home: string;
  readonly port: number;
}

export function register(program: Command): void {
  program
    .command('local')
    .description('run a whole Triptych on this machine: database, control plane, workers')
    .option('-w, --workers <n>', 'worker processes', wholeNumber, 2)
    .addOption(
      new Option('--backend <name>', 'tensor backend of the workers')
        .choices(['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'])
        .default('auto'),
    )
    .option('--home <folder>', 'where everything is kept', '.triptych')
    .option('-p, --port <port>', 'port of the page and the REST API; 0: a free one', wholeNumber, 8080)
    .action(local);
}

async function local({ workers, backend, home, port }: LocalOptions): Promise<void> {
  const ending = new Ending();
  let stack: Stack | undefined;
  try {
    stack = await startStack({
      ...{ workers, backend, home },
      httpPort: port,
      signal: ending.signal,
      onEvent: show,
    });
    process.stdout.write(greeting(stack, await loginUrl(stack, ending.signal)));
    await ending.requested;
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  } finally {
    await stack?.stop();
    ending.dispose();
  }
}

function show({ kind, process: name, pid, seconds, expected }: StackEvent): void {
  if (kind === 'ready') write(`${name} is ready (pid ${pid}, ${seconds?.toFixed(1)} s)`);
  if (kind === 'exited' && !expected) write(`${name} (pid ${pid}) has ended; its log says why`);
  if (kind === 'restarting') write(`${name} is started again in ${seconds} s`);
}

const greeting = (stack: Stack, page: string): string => `
  page     ${page}
  API      ${stack.url}/docs
  metrics  ${stack.url}/metrics
  workers  ${stack.workers.length}; one more: TRIPTYCH_CONTROL=${stack.grpcAddress} node apps/worker/dist/main.js
  state    ${stack.home} (logs in ${stack.logsPath})${stack.token === undefined ? '' : tokenLine(stack)}

Ctrl-C stops everything; the state stays.
`;

const tokenLine = ({ home }: Stack): string => `
  token    ${join(home, TOKEN_FILE)}: commands on this machine take it by themselves${
    home === resolve('.triptych') ? '' : ' with TRIPTYCH_TOKEN_FILE set to it'
  }; for curl: -H "Authorization: Bearer $(cat ${join(home, TOKEN_FILE)})"`;

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}
