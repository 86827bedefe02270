/** The worker's entry in the control plane's registry: made, kept alive by heartbeats, made again when lost, taken back at the end. */
import { setTimeout as delay } from 'node:timers/promises';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import type { control } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import { fromServiceError } from './grpc-errors.ts';

export interface RegistrationOptions {
  readonly client: control.ControlClient;
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

const CALL_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

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
    const { client, logger } = this.#options;
    await call<control.LeaveResponse>((metadata, options, done) =>
      client.leave({ workerId: this.#workerId, reason }, metadata, options, done),
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
        await wait(retryMs, signal).catch(() => undefined);
        continue;
      }
      await wait(pauseMs, signal).catch(() => undefined);
    }
  }

  /** @returns milliseconds until the next heartbeat */
  async #register(): Promise<number> {
    const { client, identity, logger, onFirst } = this.#options;
    const request = { ...identity(), workerId: this.#workerId };
    const response = await call<control.RegisterResponse>((metadata, options, done) =>
      client.register(request, metadata, options, done),
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
    const { client, condition } = this.#options;
    const request = { ...condition(), workerId: this.#workerId };
    await call<control.HeartbeatResponse>((metadata, options, done) =>
      client.heartbeat(request, metadata, options, done),
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

function call<T>(invoke: Invoke<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    invoke(new Metadata(), { deadline: Date.now() + CALL_TIMEOUT_MS }, (error, response) => {
      if (error) reject(fromServiceError(error, 'The control plane'));
      else resolve(response);
    });
  });
}
