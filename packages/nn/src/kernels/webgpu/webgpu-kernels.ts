/** The kernels of a GPU: the portable ones, and what TensorFlow.js computes in another order every time. */
import type { Kernels } from '../kernels.ts';
import { portable } from '../portable/portable.ts';
import { scatterRows } from './scatter-rows.ts';

export const webgpuKernels: Kernels = { ...portable, scatterRows };
