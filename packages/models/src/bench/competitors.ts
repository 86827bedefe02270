/** Who can take part in the engine benchmark, and how each is started. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type BackendChoice, installedTensorflow } from '@triptych/nn';
import type { CompetitorOptions } from './competitor.ts';
import type { ChildOptions } from './messages.ts';

export type EngineName = 'pytorch' | 'wasm' | 'wasm-own' | 'tensorflow' | 'tensorflow-bf16';

const python = process.env['TRIPTYCH_PYTHON'] ?? 'python3';
const childScript = fileURLToPath(new URL('./engine-child.js', import.meta.url));
const peerScript = fileURLToPath(new URL('../../bench/torch_peer.py', import.meta.url));

/** Undefined where the engine can take part. */
export function missingReason(engine: EngineName): string | undefined {
  if (engine === 'pytorch') {
    const { status } = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
    return status === 0 ? undefined : `${python} has no torch; name a Python that has in TRIPTYCH_PYTHON`;
  }
  if (engine.startsWith('tensorflow') && installedTensorflow() === undefined)
    return 'it is not installed (triptych engine install)';
  return undefined;
}

export function competitorOptions(
  engine: EngineName,
  { folder, threads, profile }: { folder: string; threads: number; profile: boolean },
): CompetitorOptions {
  if (engine === 'pytorch')
    return { name: engine, program: python, parameters: [peerScript, folder, String(threads)] };
  const options: ChildOptions = { folder, profile, choice: { threads, ...choices[engine] } };
  return {
    name: engine,
    program: process.execPath,
    // As the compute thread of a worker: what a step allocates stays in the nursery.
    parameters: ['--min-semi-space-size=64', childScript, JSON.stringify(options)],
  };
}

const choices: Record<Exclude<EngineName, 'pytorch'>, BackendChoice> = {
  wasm: { backend: 'wasm' },
  'wasm-own': { backend: 'wasm', gemm: 'own' },
  tensorflow: { backend: 'tensorflow' },
  'tensorflow-bf16': { backend: 'tensorflow', precision: 'bf16' },
};
