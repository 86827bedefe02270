/**
 * Gang placement: which workers become the ranks of which run. Pure: the fleet and the time come in, decisions and their
 * reasons go out; the scheduler acts on them.
 */
import type { Backend, Numerics, RunReason, WorkerState } from '@triptych/protocol';
import { shortage } from './shortage.ts';

export interface FleetWorker {
  readonly id: string;
  /** host:port of the worker's own gRPC server. */
  readonly address: string;
  readonly pool: string;
  readonly backend: Backend;
  readonly numerics: Numerics;
  readonly state: WorkerState;
  /** Milliseconds of the registry's clock. */
  readonly leaseExpiresAt: number;
  /** It has failed lately: others are preferred. */
  readonly isCooling?: boolean;
}

export interface Demand {
  readonly runId: string;
  /** 0 is the most urgent. */
  readonly priority: number;
  /** Unix milliseconds; the earlier of two equally urgent runs goes first. */
  readonly submittedAt: number;
  readonly pool: string;
  /** Absent: any, but one and the same for the whole gang. */
  readonly backend?: Backend;
  /** How its attempts so far have computed: another one must do the same. Absent: any, but one for the whole gang. */
  readonly numerics?: Numerics;
  readonly minWorkers: number;
  readonly maxWorkers: number;
  /** A rank without a shard would have nothing to do. */
  readonly shards: number;
}

export type Placement = { readonly ranks: readonly FleetWorker[] } | Wait;

export interface Wait {
  readonly wait: Extract<RunReason, 'WAITING_FOR_WORKERS' | 'WAITING_FOR_HIGHER_PRIORITY'>;
  readonly message: string;
}

/**
 * Places one run on the idle workers of `fleet`, as many as it may have, all of one fingerprint (results are only equal bit for
 * bit where workers compute alike). Workers that have failed lately are left out where there are enough others, idle or not.
 * Ranks go by worker id.
 */
export function place(now: number, fleet: readonly FleetWorker[], demand: Demand): Placement {
  const { least, most } = bounds(demand);
  const all = usable(now, fleet, demand);
  const gangs = groupsOf(all.filter((worker) => computesAs(demand, worker))).map((group) =>
    trusted(group, least).filter(({ state }) => state === 'idle'),
  );
  // The first of the largest: the order of the groups decides between equals.
  const gang = gangs.reduce((best, other) => (capped(other, most) > capped(best, most) ? other : best), []);
  if (gang.length < least)
    return { wait: 'WAITING_FOR_WORKERS', message: shortage(demand, { least, groups: groupsOf(all) }) };
  return { ranks: gang.toSorted((a, b) => compareText(a.id, b.id)).slice(0, most) };
}

/**
 * Workers that compute alike, group by group: the fastest backends first, then the largest groups, idle or not (there is more to
 * go on with after a failure), then those of the lowest worker id.
 */
export function groupsOf<W extends Pick<FleetWorker, 'id' | 'backend' | 'numerics'>>(
  fleet: readonly W[],
): readonly (readonly W[])[] {
  const groups = new Map<string, W[]>();
  for (const worker of fleet.toSorted((a, b) => compareText(a.id, b.id))) {
    const { digest } = worker.numerics;
    const group = groups.get(digest);
    if (group) group.push(worker);
    else groups.set(digest, [worker]);
  }
  return [...groups.values()].sort(
    ([a], [b]) =>
      preference.indexOf(a!.backend) - preference.indexOf(b!.backend) ||
      groups.get(b!.numerics.digest)!.length - groups.get(a!.numerics.digest)!.length ||
      compareText(a!.id, b!.id),
  );
}

/**
 * Places all waiting runs together, the most urgent first. A run that waits for workers the fleet does have keeps its
 * idle ones from those behind it, so that small runs never starve a large one; a run that wants more than the whole
 * fleet keeps nothing back.
 */
export function placeAll(
  now: number,
  fleet: readonly FleetWorker[],
  demands: readonly Demand[],
): Map<string, Placement> {
  const placements = new Map<string, Placement>();
  // What nobody has taken, and the part of it that is not kept for someone more urgent either.
  let unplaced = fleet;
  let open = fleet;
  // Who wants the same as somebody that waits, waits as well: thousands of runs in a queue want few different things.
  const waiting = new Map<string, Wait>();
  for (const demand of demands.toSorted(compareDemands)) {
    const wish = wishOf(demand);
    const known = waiting.get(wish);
    const placement = known ?? place(now, open, demand);
    if ('ranks' in placement) {
      placements.set(demand.runId, placement);
      unplaced = without(unplaced, placement.ranks);
      open = without(open, placement.ranks);
      waiting.clear();
      continue;
    }
    const wait = known ?? explain(now, unplaced, demand);
    placements.set(demand.runId, wait);
    if (known) continue;
    if (isWithinReach(now, fleet, demand)) {
      const kept = usable(now, open, demand).filter((worker) => computesAs(demand, worker));
      // Others may fare otherwise now; whoever wants the same finds nothing either.
      if (kept.length > 0) waiting.clear();
      open = without(open, kept);
    }
    waiting.set(wish, wait);
  }
  return placements;
}

/** All that decides which workers a run gets and what it is told, beside its place in the order. */
function wishOf(demand: Demand): string {
  const { pool, backend, numerics } = demand;
  const { least, most } = bounds(demand);
  return JSON.stringify([pool, backend, numerics?.digest, least, most]);
}

/** The order in which runs are served. */
export function compareDemands(a: Demand, b: Demand): number {
  return a.priority - b.priority || a.submittedAt - b.submittedAt || compareText(a.runId, b.runId);
}

/** Which backend wins where a run does not care and the gangs are of one size: the fastest. */
const preference: readonly Backend[] = ['tensorflow', 'webgpu', 'wasm', 'cpu'];

function bounds({ minWorkers, maxWorkers, shards }: Demand): { least: number; most: number } {
  const most = Math.max(1, Math.min(maxWorkers, shards));
  return { least: Math.max(1, Math.min(minWorkers, most)), most };
}

/** Workers this run could run on, idle or not. */
function usable(now: number, fleet: readonly FleetWorker[], demand: Demand): FleetWorker[] {
  return fleet.filter(
    ({ pool, backend, state, leaseExpiresAt }) =>
      pool === demand.pool &&
      (demand.backend === undefined || backend === demand.backend) &&
      (state === 'idle' || state === 'busy') &&
      leaseExpiresAt > now,
  );
}

const computesAs = ({ numerics }: Demand, worker: FleetWorker): boolean =>
  numerics === undefined || worker.numerics.digest === numerics.digest;

function trusted(workers: readonly FleetWorker[], least: number): readonly FleetWorker[] {
  const others = workers.filter(({ isCooling }) => !isCooling);
  return others.length < least ? workers : others;
}

function isWithinReach(now: number, fleet: readonly FleetWorker[], demand: Demand): boolean {
  const allIdle = fleet.map((worker) => ({
    ...worker,
    state: worker.state === 'busy' ? ('idle' as const) : worker.state,
  }));
  return 'ranks' in place(now, allIdle, demand);
}

function explain(now: number, unplaced: readonly FleetWorker[], demand: Demand): Wait {
  const alone = place(now, unplaced, demand);
  if ('wait' in alone) return alone;
  return {
    wait: 'WAITING_FOR_HIGHER_PRIORITY',
    message: 'The workers it could use are kept for runs that are more urgent or were submitted before it',
  };
}

function without(fleet: readonly FleetWorker[], taken: readonly FleetWorker[]): readonly FleetWorker[] {
  const ids = new Set(taken.map(({ id }) => id));
  return fleet.filter(({ id }) => !ids.has(id));
}

const capped = (gang: readonly FleetWorker[], most: number): number => Math.min(gang.length, most);

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
