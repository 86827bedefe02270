export { register } from './command.ts';
export { Ending } from './ending.ts';
export type { Stack, StackEvent, StackOptions, StackProcess, StackWorker } from './options.ts';
export { startStack } from './stack.ts';
