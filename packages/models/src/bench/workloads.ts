import { clipWorkload } from './clip-workload.ts';
import { decoderWorkload } from './decoder-workload.ts';
import type { Workload } from './workload.ts';

export const workloads: Readonly<Record<string, Workload>> = {
  clip: clipWorkload,
  decoder: decoderWorkload,
};
