/** The tasks that runs can be scored by. A new one is a line here. */
import { retrievalTask } from './retrieval.ts';
import type { Task } from './task.ts';
import { zeroShotTask } from './zero-shot.ts';

export const tasks: Readonly<Record<string, Task>> = Object.fromEntries(
  [zeroShotTask, retrievalTask].map((task) => [task.name, task]),
);
