/** The worker's entry in the control plane's registry: made, kept alive by heartbeats, made again when lost, taken back at the end. */
import { setTimeout as delay } from 'node:timers/promises';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import type { ClientSource, control } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import { fromServiceError } from './grpc-errors.ts';

export interface RegistrationOptions {
  /** Stays the caller's. */
  readonly control: Pick<ClientSource<control.ControlClient>, 'client' | 'renew'>;
  readonly logger: Logger;
  /** What the worker is; asked for each time, since it may be training when the registry has forgotten it. */
  readonly identity: () => Omit<control.RegisterRequest, 'workerId'>;
  readonly condition: () => Omit<control.HeartbeatRequest, 'workerId'>;
  /** Called once, after the first registration. */
  readonly onFirst: (workerId: string) => void;
  readonly signal: AbortSignal;
  /** Replaced in tests. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Registering writes to the database. */
const REGISTER_TIMEOUT_MS = 5_000;
/** Two of them, and the new connection after them, fit into a lease. */
const HEARTBEAT_TIMEOUT_MS = 2_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
/** So many calls without an answer, and the connection is not believed in any more. */
const MISSES_PER_CONNECTION = 2;

export class Registration {
  readonly #options: RegistrationOptions;
  readonly #done: Promise<void>;
  #workerId = '';
  #reachable: boolean | undefined;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#done = this.#keep();
  }

  get workerId(): string {
    return this.#workerId;
  }

  /** Says good-bye, if the control plane listens. The signal must have been aborted before. */
  async leave(reason: string): Promise<void> {
    await this.#done;
    if (this.#workerId === '' || !this.#reachable) return;
    const { control, logger } = this.#options;
    await call<control.LeaveResponse>(HEARTBEAT_TIMEOUT_MS, (metadata, options, done) =>
      control.client.leave({ workerId: this.#workerId, reason }, metadata, options, done),
    ).catch((err: unknown) =>
      logger.warn({ event: 'leave-failed', err }, 'The control plane did not hear the leave'),
    );
  }

  /** Until the signal is aborted. Failures are retried for ever, and logged when they begin and end. */
  async #keep(): Promise<void> {
    const { signal, wait = pause } = this.#options;
    let failures = 0;
    let registered = false;
    let pauseMs = 0;
    while (!signal.aborted) {
      try {
        pauseMs = registered ? await this.#heartbeat(pauseMs) : await this.#register();
        registered = true;
        failures = 0;
        this.#note(true);
      } catch (error) {
        if ((error as { code?: unknown }).code === 'NOT_FOUND' && registered) {
          registered = false;
          continue;
        }
        this.#note(false, error);
        const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
        failures += 1;
        if (failures % MISSES_PER_CONNECTION === 0) this.#options.control.renew();
        await wait(retryMs, signal).catch(() => undefined);
        continue;
      }
      await wait(pauseMs, signal).catch(() => undefined);
    }
  }

  /** @returns milliseconds until the next heartbeat */
  async #register(): Promise<number> {
    const { control, identity, logger, onFirst } = this.#options;
    const request = { ...identity(), workerId: this.#workerId };
    const response = await call<control.RegisterResponse>(REGISTER_TIMEOUT_MS, (metadata, options, done) =>
      control.client.register(request, metadata, options, done),
    );
    const first = this.#workerId === '';
    this.#workerId = response.workerId;
    logger.info(
      { event: 'registered', workerId: response.workerId, leaseMs: response.leaseMs },
      'Registered',
    );
    if (first) onFirst(response.workerId);
    return response.heartbeatMs;
  }

  async #heartbeat(heartbeatMs: number): Promise<number> {
    const { control, condition } = this.#options;
    const request = { ...condition(), workerId: this.#workerId };
    await call<control.HeartbeatResponse>(HEARTBEAT_TIMEOUT_MS, (metadata, options, done) =>
      control.client.heartbeat(request, metadata, options, done),
    );
    return heartbeatMs;
  }

  #note(reachable: boolean, err?: unknown): void {
    if (reachable === this.#reachable) return;
    const { logger } = this.#options;
    if (!reachable)
      logger.warn(
        { event: 'control-plane-unreachable', err },
        'The control plane does not answer; trying on',
      );
    else if (this.#reachable === false)
      logger.info({ event: 'control-plane-back' }, 'The control plane answers again');
    this.#reachable = reachable;
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> => delay(ms, undefined, { signal });

type Invoke<T> = (
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, response: T) => void,
) => unknown;

function call<T>(timeoutMs: number, invoke: Invoke<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    invoke(new Metadata(), { deadline: Date.now() + timeoutMs }, (error, response) => {
      if (error) reject(fromServiceError(error, 'The control plane'));
      else resolve(response);
    });
  });
}
