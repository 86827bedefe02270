/** One line for the user while a long command writes its log; the log itself only where the command fails. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { runToEnd } from './run-to-end.mjs';

const SHOWN_LINES = 60;

/** Ends this process where the command fails. With `quietBelowSeconds` a command that is faster says nothing. */
export async function loggedStep({ title, program, parameters, env, logPath, quietBelowSeconds = 0 }) {
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  const ticker = startTicker(title, elapsed, quietBelowSeconds);
  const log = openSync(logPath, 'w');
  let code;
  try {
    code = await runToEnd(program, parameters, { env, stdio: ['ignore', log, log] });
  } catch (error) {
    console.error(`${title}: ${error.message}`);
    code = 1;
  } finally {
    closeSync(log);
    ticker.stop(code);
  }
  if (code === 0) return;
  // 128 and above: the user ended it.
  if (code < 128) {
    const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n');
    console.error(
      `${lines.slice(-SHOWN_LINES).join('\n')}\n\n${title} failed with code ${code}. Whole log: ${logPath}`,
    );
  }
  process.exit(code);
}

function startTicker(title, elapsed, quietBelowSeconds) {
  const terminal = process.stdout.isTTY;
  let shown = false;
  const show = () => {
    if (elapsed() < quietBelowSeconds) return;
    if (terminal) process.stdout.write(`\r${title} ... ${elapsed().toFixed(0)} s`);
    else if (!shown) process.stdout.write(`${title} ...\n`);
    shown = true;
  };
  show();
  const timer = setInterval(show, 500);
  return {
    stop(code) {
      clearInterval(timer);
      if (!shown) return;
      const outcome = code === 0 ? 'done' : 'failed';
      process.stdout.write(`${terminal ? '\r' : ''}${title} ... ${outcome} in ${elapsed().toFixed(1)} s\n`);
    },
  };
}
