/** Comparing our implementation with golden cases, in a process of its own: free of tensors. */
export type { Check, ExactCheck, MissingCheck, NumbersCheck } from './check.ts';
export type { CaseReport, ParityRequest } from './messages.ts';
export { type RunParityOptions, runParity } from './run-parity.ts';
