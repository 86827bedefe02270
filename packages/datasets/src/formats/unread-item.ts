import type { ProblemLog } from '../pack/problems.ts';
import type { JsonItem } from '../source/json-items.ts';

/** Whether the item could not be read, which is then a problem of the file or of the entry. */
export function reportUnread(
  { scope, place, fault }: JsonItem,
  { path, problems }: { path: string; problems: ProblemLog },
): boolean {
  if (fault === undefined) return false;
  problems.add(
    scope === 'entry' ? 'unreadable-entry' : 'unreadable-annotations',
    `${path}, ${place}: ${fault}`,
  );
  return true;
}
