#!/usr/bin/env node
/** The `triptych` command: hands the process's arguments, streams and signals to the program. */
import { createInterface } from 'node:readline/promises';
import { findToken } from './api-token.ts';
import { Interrupted } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import * as local from './local/command.ts';
import { runProgram } from './program.ts';
import * as quickstart from './quickstart/command.ts';

const interrupt = new AbortController();
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
  interrupt.abort(new Interrupted());
});
// `triptych list | head` closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.succeeded);
  throw error;
});

process.exitCode = await runProgram({
  args: process.argv.slice(2),
  url: process.env['TRIPTYCH_URL'] || 'http://127.0.0.1:8080',
  token: (url) => findToken({ env: process.env, url, home: '.triptych' }),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupt.signal,
  ...(process.stdin.isTTY && process.stdout.isTTY && { confirm }),
  more: [local, quickstart],
});

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: interrupt.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    interrupt.signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}
