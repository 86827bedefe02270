/** The rows of the engine benchmark by name. */
import { clipWorkload } from './clip-workload.ts';
import { decoderWorkload } from './decoder-workload.ts';
import { flamingoWorkload } from './flamingo-workload.ts';
import { llavaWorkload } from './llava-workload.ts';
import type { Workload } from './workload.ts';

const adapter = { rank: 16, alpha: 32, dropout: 0, rankStabilised: false };

const all: readonly Workload[] = [
  clipWorkload,
  decoderWorkload,
  flamingoWorkload({ method: 'full', generates: true }),
  flamingoWorkload({ method: 'cross-attention', generates: false }),
  llavaWorkload({ method: 'full', generates: true }),
  llavaWorkload({ method: 'scratch', generates: false }),
  llavaWorkload({ method: 'lora', adapter, generates: false }),
];

export const workloads: Readonly<Record<string, Workload>> = Object.fromEntries(
  all.map((workload) => [workload.name, workload]),
);
