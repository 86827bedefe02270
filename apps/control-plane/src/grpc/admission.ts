/** Whether a registration is what it says: its address may be dialled, and neither that nor its id is another worker's. */
import { isSameSecret, TriptychError, unauthenticated } from '@triptych/protocol';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { AnswersAs } from './identify.ts';
import { workerAddress } from './worker-address.ts';

export interface AdmissionOptions {
  readonly registry: Pick<WorkerRegistry, 'at' | 'contact'>;
  readonly answersAs: AnswersAs;
  /** Of this process. */
  readonly ownPorts: ReadonlySet<number>;
}

export interface Applicant {
  /** Empty for one that has not been here before. */
  readonly workerId: string;
  readonly address: string;
  readonly trainerSecret: string;
}

/**
 * @returns the address to call the worker at
 * @throws TriptychError `INVALID_INPUT` for an address where no worker can be; `UNAUTHENTICATED` for the id of another process;
 * `ILLEGAL_STATE` for an address where another worker is alive
 */
export async function admit(
  { workerId, address: announced, trainerSecret }: Applicant,
  { registry, answersAs, ownPorts, peer }: AdmissionOptions & { readonly peer: string },
): Promise<string> {
  const address = await workerAddress({ address: announced, peer, ownPorts });
  const known = registry.contact(workerId);
  if (known && !isSameSecret(known.trainerSecret, trainerSecret))
    throw unauthenticated(`Worker ${workerId} is another process; start this one anew`);
  const present = registry.at(address);
  const contact = present === undefined ? undefined : registry.contact(present);
  // The same process again, which has forgotten or never heard what it is called.
  if (!present || !contact || isSameSecret(contact.trainerSecret, trainerSecret)) return address;
  // One that was killed and started again has its address at once; one that only says so has not.
  if (await answersAs(address, contact.trainerSecret))
    throw new TriptychError(
      'ILLEGAL_STATE',
      `Worker ${present} is alive at ${address}; give this one an address of its own (TRIPTYCH_WORKER_ADVERTISE, TRIPTYCH_WORKER_PORT)`,
    );
  return address;
}
