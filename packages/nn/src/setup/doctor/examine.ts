/** `triptych engine doctor`: tries every backend in a process of its own and says what works, how fast, and what to do. */
import { TriptychError } from '@triptych/protocol';
import type { BackendChoice, EngineDescription } from '../../engine/engine.ts';
import { type Probe, type ProbeOutcome, runProbe } from '../run-probe.ts';
import { describeMachine, type Machine } from './machine.ts';

/** In the order in which they are preferred. */
const BACKENDS = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const;

export type BackendFinding =
  | {
      readonly backend: string;
      readonly state: 'works';
      readonly description: EngineDescription;
      readonly gflops: number;
    }
  /** `broken`: it is there, and took its process with it. */
  | { readonly backend: string; readonly state: 'unavailable' | 'broken'; readonly message: string };

export interface EngineReport {
  readonly machine: Machine;
  readonly backends: readonly BackendFinding[];
  /** What `auto` gives, with the same options. */
  readonly auto:
    | { readonly state: 'works'; readonly description: EngineDescription }
    | { readonly state: 'unavailable' | 'broken'; readonly message: string };
}

export interface ExamineOptions {
  /** What `auto` is asked for; each backend is tried with the same threads and folder. */
  readonly choice?: Pick<BackendChoice, 'threads' | 'gemm' | 'device' | 'precision' | 'engineFolder'>;
  readonly seconds?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Replaced in tests. */
  readonly probe?: Probe;
}

/** One process after the other, so that none measures the others. Rejects with the signal's reason alone. */
export async function examineEngines(options: ExamineOptions = {}): Promise<EngineReport> {
  const { choice = {}, seconds = 0.5, timeoutMs = 120_000, signal, probe = runProbe } = options;
  const { threads, engineFolder } = choice;
  const plain: BackendChoice = {
    ...(threads !== undefined && { threads }),
    ...(engineFolder !== undefined && { engineFolder }),
  };
  const rest = { timeoutMs, ...(signal && { signal }) };
  const backends: BackendFinding[] = [];
  for (const backend of BACKENDS)
    backends.push(finding(backend, await probe({ choice: { ...plain, backend }, seconds, ...rest })));
  const auto = await probe({ choice: { ...choice, backend: 'auto' }, seconds: 0, ...rest });
  return {
    machine: describeMachine(),
    backends,
    auto:
      auto.kind === 'works'
        ? { state: 'works', description: auto.description }
        : { state: stateOf(auto), message: auto.message },
  };
}

function finding(backend: string, outcome: ProbeOutcome): BackendFinding {
  if (outcome.kind !== 'works') return { backend, state: stateOf(outcome), message: outcome.message };
  const { description, gflops } = outcome;
  if (gflops === undefined) throw new TriptychError('INTERNAL', `the probe of ${backend} measured nothing`);
  return { backend, state: 'works', description, gflops };
}

const stateOf = ({ kind }: Exclude<ProbeOutcome, { kind: 'works' }>): 'unavailable' | 'broken' =>
  kind === 'crashed' ? 'broken' : 'unavailable';
