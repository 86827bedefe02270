/** The computer and the Node that the engine would run on. */
import { availableParallelism, cpus, totalmem } from 'node:os';

export interface Machine {
  readonly platform: string;
  readonly node: string;
  readonly cpu: string;
  /** That this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
}

export const describeMachine = (): Machine => ({
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
  cpu: cpus()[0]?.model.trim() || 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
});
