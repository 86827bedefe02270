/** The registry as workers find it at every control plane: the leader's own; elsewhere they are told who leads. */
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { Leader } from '../store/leader-record.ts';
import { unavailable } from '../store/outage.ts';
import { notLeader } from './term.ts';

/** What the workers' calls need of a registry. */
export type FleetEntrance = Pick<
  WorkerRegistry,
  'register' | 'heartbeat' | 'leave' | 'holder' | 'at' | 'contact'
>;

export interface FleetDoorOptions {
  /** Nothing while this control plane does not lead. */
  readonly registry: () => FleetEntrance | undefined;
  /** False while the database does not answer. */
  readonly isInformed: () => boolean;
  /** host:port of this control plane. */
  readonly ownAddress: () => string | undefined;
  /** Who leads by the record. */
  readonly leader: () => Promise<Leader | undefined>;
}

export class FleetDoor implements FleetEntrance {
  readonly #options: FleetDoorOptions;

  constructor(options: FleetDoorOptions) {
    this.#options = options;
  }

  /** @throws TriptychError `NOT_LEADER` with the address of the leader; `UNAVAILABLE` where the database does not answer, so that nobody leads */
  async register(...worker: Parameters<FleetEntrance['register']>): ReturnType<FleetEntrance['register']> {
    const registry = this.#options.registry();
    if (registry) return registry.register(...worker);
    const { leader, ownAddress, isInformed } = this.#options;
    // A database that stands still would be waited for, and the worker not be told.
    if (!isInformed()) throw unavailable(undefined);
    const now = await leader();
    // The term of this one may just be over, or about to begin.
    if (!now || now.grpcAddress === ownAddress()) throw notLeader('No control plane leads at the moment');
    throw notLeader(
      `This control plane does not lead; ${now.name} at ${now.grpcAddress} does`,
      now.grpcAddress,
    );
  }

  heartbeat(...beat: Parameters<FleetEntrance['heartbeat']>): ReturnType<FleetEntrance['heartbeat']> {
    return this.#registry.heartbeat(...beat);
  }

  async leave(...leave: Parameters<FleetEntrance['leave']>): Promise<void> {
    await this.#registry.leave(...leave);
  }

  holder(leaseSecret: string): string | undefined {
    return this.#registry.holder(leaseSecret);
  }

  at(address: string): string | undefined {
    return this.#options.registry()?.at(address);
  }

  contact(workerId: string): ReturnType<FleetEntrance['contact']> {
    return this.#options.registry()?.contact(workerId);
  }

  /** Leases are the leader's alone. @throws TriptychError `NOT_LEADER` */
  get #registry(): FleetEntrance {
    const registry = this.#options.registry();
    if (!registry)
      throw notLeader('This control plane does not lead; register again to be told which one does');
    return registry;
  }
}
