export type { CommandContext, CommandModule, Output } from './context.ts';
export { ProgressDisplay, type ProgressOptions, type ProgressSnapshot, renderProgress } from './progress.ts';
export { runSummary } from './run-summary.ts';
export { scoreTable } from './score-table.ts';
export { type WatchOptions, watchRun } from './watch-run.ts';
