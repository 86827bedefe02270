export { register } from './command.ts';
export { Ending } from './ending.ts';
export { loginUrl } from './login-url.ts';
export type {
  Stack,
  StackControlPlane,
  StackEvent,
  StackOptions,
  StackProcess,
  StackWorker,
} from './options.ts';
export { startStack } from './stack.ts';
