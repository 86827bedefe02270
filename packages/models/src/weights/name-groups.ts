/** Many names in few lines: one by one while they are few, else by layers, else by the part of the model. */

export interface NameGroup<T> {
  readonly name: string;
  readonly count: number;
  /** The first of the group. */
  readonly example: T;
}

const MAX_LINES = 5;

export function named<T extends { readonly name: string }>(tensors: readonly T[]): NameGroup<T>[] {
  const levels: ((name: string) => string)[] = [
    (name) => name,
    (name) => name.replace(/\.\d+\./g, '.*.'),
    (name) => name.replace(/\.\d+\..*/, '.*'),
    (name) => name.split('.').slice(0, 2).join('.'),
    (name) => name.split('.')[0]!,
  ];
  let groups: NameGroup<T>[] = [];
  for (const level of levels) {
    groups = groupedBy(tensors, level);
    if (groups.length <= MAX_LINES) break;
  }
  return groups;
}

function groupedBy<T extends { readonly name: string }>(
  tensors: readonly T[],
  nameOf: (name: string) => string,
): NameGroup<T>[] {
  const groups = new Map<string, NameGroup<T>>();
  for (const tensor of tensors) {
    const name = nameOf(tensor.name);
    const group = groups.get(name);
    groups.set(name, { name, count: (group?.count ?? 0) + 1, example: group?.example ?? tensor });
  }
  return [...groups.values()];
}
