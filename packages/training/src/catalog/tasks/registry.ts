/** The tasks that runs can be scored by. A new one is a line here. */
import { captioningTask } from './captioning.ts';
import { classificationTask } from './classification.ts';
import { instructionTask } from './instruction.ts';
import { retrievalTask } from './retrieval.ts';
import type { Task } from './task.ts';
import { vqaTask } from './vqa.ts';
import { zeroShotTask } from './zero-shot.ts';

export const tasks: Readonly<Record<string, Task>> = Object.fromEntries(
  [classificationTask, zeroShotTask, retrievalTask, captioningTask, vqaTask, instructionTask].map((task) => [
    task.name,
    task,
  ]),
);
