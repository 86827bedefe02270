/** Why a run gets no workers, in words: how many it wants, and where there are some, why they will not do. Pure. */
import { type Numerics, numericsDifference } from '@triptych/protocol';
import type { Demand, FleetWorker } from './place.ts';

export interface Shortage {
  /** Fewer it does not want. */
  readonly least: number;
  /** The workers of its pool and backend, idle or not, by how they compute; the best group first. */
  readonly groups: readonly (readonly FleetWorker[])[];
}

/** Says what is missing, not how many are there at this moment: a message that changes is an event that is written. */
export function shortage({ pool, backend, numerics }: Demand, { least, groups }: Shortage): string {
  const kind = backend ? `${backend} ` : '';
  const workers = least === 1 ? `an idle ${kind}worker` : `${least} idle ${kind}workers at once`;
  const waits = `Waits for ${workers} in pool "${pool}"`;
  if (numerics) {
    const isThere = groups.some(([first]) => first?.numerics.digest === numerics.digest);
    return isThere || groups.length === 0 ? waits : `${waits}: ${othersOnly(numerics, groups)}`;
  }
  const together = groups.reduce((sum, group) => sum + group.length, 0);
  const isSplit = together >= least && groups.every((group) => group.length < least);
  return isSplit ? `${waits}: ${split(groups)}` : waits;
}

/** Nobody computes as the run has begun. */
function othersOnly(begun: Numerics, groups: Shortage['groups']): string {
  const others = [
    ...new Set(groups.map(([first]) => numericsDifference(begun, first!.numerics)?.other ?? '')),
  ];
  const ours = numericsDifference(begun, groups[0]![0]!.numerics)?.one;
  return (
    `the run began with ${ours}, and the workers there have ${others.join(' or ')}, with which its weights would be others; ` +
    'start workers like those it began on, cancel it and submit it again, or let it go on with other bits ' +
    '(triptych accept-numerics RUN; its story says so then)'
  );
}

const split = (groups: Shortage['groups']): string =>
  `there are enough workers, but they do not compute alike (${differencesIn(groups)}), and no kind is large enough; ` +
  'give them the same settings, versions and machines, or ask for fewer with workers.min';

/** What workers have differently that do not compute alike: the first group's and, after it, the others'. */
export function differencesIn(groups: readonly (readonly { readonly numerics: Numerics }[])[]): string {
  const [[first], ...rest] = groups as [readonly { numerics: Numerics }[], ...{ numerics: Numerics }[][]];
  const differences = rest.map(([other]) => numericsDifference(first!.numerics, other!.numerics)!);
  return [...new Set(differences.flatMap(({ one, other }) => [one, other]))].join('; ');
}
