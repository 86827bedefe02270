/**
 * The control planes that a worker knows, and the one that it talks to: of several on one database one leads, and only that one
 * takes workers in. Where it is, any of them says; where one says nothing, the others are asked in turn.
 */
import { ClientSource, type control } from '@triptych/protocol';

export interface ControlPlanesOptions {
  /** host:port of each, at least one. */
  readonly addresses: readonly string[];
  readonly open: (address: string) => control.ControlClient;
  /** Milliseconds of a clock that does not jump. */
  readonly now?: () => number;
}

/** One that did not answer, or does not lead, is not gone back to on somebody's word for so long. */
const DOUBT_MS = 5_000;

export class ControlPlanes
  implements Pick<ClientSource<control.ControlClient>, 'client' | 'renew' | 'close'>
{
  readonly #addresses: readonly string[];
  readonly #now: () => number;
  readonly #source: ClientSource<control.ControlClient>;
  /** When each was found to be of no use. */
  readonly #failedAt = new Map<string, number>();
  #address: string;

  constructor({ addresses, open, now = () => performance.now() }: ControlPlanesOptions) {
    const [first] = addresses;
    if (first === undefined) throw new Error('a worker knows no control plane');
    this.#addresses = addresses;
    this.#now = now;
    this.#address = first;
    this.#source = new ClientSource(() => open(this.#address));
  }

  /** host:port of the one that is talked to. */
  get address(): string {
    return this.#address;
  }

  /** For the next call: ask each time, it may be another one. */
  get client(): control.ControlClient {
    return this.#source.client;
  }

  /** The present one does not answer: the next call goes to the one that failed longest ago, over a new connection. */
  renew(): void {
    this.#failedAt.set(this.#address, this.#now());
    this.#turnTo(this.#leastDoubted());
  }

  /**
   * The present one does not lead, and says perhaps who does.
   * @returns true where the next call goes to that one, which is then worth making at once
   */
  follow(leader: string | undefined): boolean {
    const now = this.#now();
    this.#failedAt.set(this.#address, now);
    const isBelieved =
      leader !== undefined && now - (this.#failedAt.get(leader) ?? Number.NEGATIVE_INFINITY) > DOUBT_MS;
    this.#turnTo(isBelieved ? leader : this.#leastDoubted());
    return isBelieved;
  }

  close(): void {
    this.#source.close();
  }

  #leastDoubted(): string {
    const doubt = (address: string) => this.#failedAt.get(address) ?? Number.NEGATIVE_INFINITY;
    return this.#addresses.reduce((best, one) => (doubt(one) < doubt(best) ? one : best));
  }

  #turnTo(address: string): void {
    this.#address = address;
    this.#source.renew();
  }
}
