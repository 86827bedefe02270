/** The Python beside which this folder's tests compare, and the scripts that it runs. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// biome-ignore lint/suspicious/noUndeclaredEnvVars: a developer's choice of interpreter; no build depends on it
const python = process.env['TRIPTYCH_PYTHON'] ?? 'python3';

/** Whether these statements fail there; then `what` is said to be left out. */
export function isMissing(statements: string, what: string): boolean {
  if (spawnSync(python, ['-c', statements]).status === 0) return false;
  process.stderr.write(`left out: ${python} has no ${what} (set TRIPTYCH_PYTHON to one that has)\n`);
  return true;
}

/** What a script of this folder prints. It has no network. */
export const runScript = (name: string, ...args: string[]): string =>
  execFileSync(python, [fileURLToPath(new URL(name, import.meta.url)), ...args], {
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
    // Progress bars, which nobody reads unless it fails.
    stdio: ['ignore', 'pipe', 'pipe'],
  }).toString();

export const TRANSFORMERS = 'import torch, transformers; assert transformers.__version__ >= "5"';
