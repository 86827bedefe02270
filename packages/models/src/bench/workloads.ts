import { clipWorkload } from './clip-workload.ts';
import type { Workload } from './workload.ts';

export const workloads: Readonly<Record<string, Workload>> = { clip: clipWorkload };
