/**
 * What proves who is who between this control plane and its workers, in memory alone: a worker that registers again, as it does
 * after every restart of the control plane, gives and gets it anew.
 */
import { drawSecret, hashOfSecret } from '@triptych/protocol';

/** Where a worker that has registered is called, and what it knows its control plane by. */
export interface Contact {
  readonly address: string;
  /** Drawn by the worker for the life of its process. */
  readonly trainerSecret: string;
}

/** Of workers that are gone some are still told to stop. */
const REMEMBERED = 4096;

export class WorkerSecrets {
  /** The latest last. */
  readonly #contacts = new Map<string, Contact>();
  /** Digest of a lease's secret to the worker that has it: what is looked up by its digest tells nothing by the time it takes. */
  readonly #holders = new Map<string, string>();
  readonly #digests = new Map<string, string>();

  /** @returns the secret of the new lease; that of the worker's last one is void */
  grant(workerId: string, contact: Contact): string {
    this.revoke(workerId);
    const secret = drawSecret();
    const digest = hashOfSecret(secret);
    this.#holders.set(digest, workerId);
    this.#digests.set(workerId, digest);
    this.#contacts.delete(workerId);
    this.#contacts.set(workerId, contact);
    const [oldest] = this.#contacts.keys();
    if (this.#contacts.size > REMEMBERED && oldest !== undefined) this.#contacts.delete(oldest);
    return secret;
  }

  revoke(workerId: string): void {
    const digest = this.#digests.get(workerId);
    if (digest === undefined) return;
    this.#digests.delete(workerId);
    this.#holders.delete(digest);
  }

  /** The worker whose lease has this secret. */
  holder(leaseSecret: string): string | undefined {
    return this.#holders.get(hashOfSecret(leaseSecret));
  }

  /** Also of a worker that is gone: it may be there all the same. */
  contact(workerId: string): Contact | undefined {
    return this.#contacts.get(workerId);
  }
}
