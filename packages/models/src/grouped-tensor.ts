/** Where in a model a parameter belongs. */
import type { ParameterTensor } from './catalog/parameter-tensor.ts';

/**
 * A parameter tensor and where it belongs. Groups are paths: `vision/3` lies in `vision`, and whoever names `vision` means
 * both. Methods, learning rates and decays are given to groups.
 */
export interface GroupedTensor extends ParameterTensor {
  readonly group: string;
  /** Layers below it in its tower, for layer-wise learning-rate decay; absent: always the full rate. */
  readonly depth?: number;
}

/** Whether `group` is `path` or lies in it. */
export const isInGroup = (group: string, path: string): boolean =>
  group === path || group.startsWith(`${path}/`);

/** Whether `group` is one of `paths`, or lies in one. */
export const isInGroups = (group: string, paths: readonly string[]): boolean =>
  paths.some((path) => isInGroup(group, path));
