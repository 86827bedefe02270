/** The worker's entry in the control plane's registry: made, kept alive by heartbeats, made again when lost, taken back at the end. */
import { setTimeout as delay } from 'node:timers/promises';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  type ClientSource,
  codeSaid,
  type control,
  leaderSaid,
  secretKeys,
  TriptychError,
} from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { ControlPlanes } from './control-planes.ts';
import { fromServiceError } from './grpc-errors.ts';

export interface RegistrationOptions {
  /** Stays the caller's. */
  readonly control: Pick<ClientSource<control.ControlClient>, 'client' | 'renew'> &
    Partial<Pick<ControlPlanes, 'follow'>>;
  readonly logger: Logger;
  /** What the worker is; asked for each time, since it may be training when the registry has forgotten it. */
  readonly identity: () => Omit<control.RegisterRequest, 'workerId'>;
  readonly condition: () => Omit<control.HeartbeatRequest, 'workerId'>;
  /** What the control plane may ask of whoever registers; it must know one of them. */
  readonly joinTokens?: readonly string[];
  /** What proves this worker's lease, whenever there is another one. */
  readonly onLease?: (secret: string) => void;
  /** Called once, after the first registration. */
  readonly onFirst: (workerId: string) => void;
  /** A control plane says that its database is away: then nobody leads, and nobody can give what this worker trains to others. */
  readonly onNobodyLeads?: () => void;
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
/** What was refused once will be again until somebody changes a setting, here or there. */
const REFUSED_RETRY_MS = 10_000;
/** While another control plane takes the lead, which is a matter of seconds. */
const NOT_LEADER_RETRY_MS = 500;
/** So many calls without an answer, and the connection is not believed in any more. */
const MISSES_PER_CONNECTION = 2;

export class Registration {
  readonly #options: RegistrationOptions;
  readonly #done: Promise<void>;
  #workerId = '';
  #leaseSecret = '';
  /** The last thing that was logged of it. */
  #condition: Condition | undefined;

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
    if (this.#workerId === '' || this.#condition !== 'there') return;
    const { control, logger } = this.#options;
    await call<control.LeaveResponse>(HEARTBEAT_TIMEOUT_MS, (metadata, options, done) =>
      control.client.leave({ workerId: this.#workerId, reason }, this.#prove(metadata), options, done),
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
        this.#note('there');
      } catch (error) {
        const { code } = error as { code?: unknown };
        if ((code === 'NOT_FOUND' || code === 'UNAUTHENTICATED') && registered) {
          registered = false;
          continue;
        }
        if (code === 'NOT_LEADER') {
          registered = false;
          this.#note('elsewhere', error);
          if (this.#options.control.follow?.(leaderIn(error))) continue;
          await wait(NOT_LEADER_RETRY_MS, signal).catch(() => undefined);
          continue;
        }
        if (isDatabaseAway(error)) this.#options.onNobodyLeads?.();
        const isRefused = REFUSALS.includes(code);
        this.#note(isRefused ? 'refused' : 'away', error);
        if (isRefused) {
          await wait(REFUSED_RETRY_MS, signal).catch(() => undefined);
          continue;
        }
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
    const { control, identity, logger, onFirst, onLease, joinTokens = [] } = this.#options;
    const request = { ...identity(), workerId: this.#workerId };
    const response = await call<control.RegisterResponse>(REGISTER_TIMEOUT_MS, (metadata, options, done) => {
      for (const token of joinTokens) metadata.add(secretKeys.join, token);
      return control.client.register(request, metadata, options, done);
    });
    const first = this.#workerId === '';
    this.#workerId = response.workerId;
    this.#leaseSecret = response.leaseSecret;
    onLease?.(response.leaseSecret);
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
      control.client.heartbeat(request, this.#prove(metadata), options, done),
    );
    return heartbeatMs;
  }

  #prove(metadata: Metadata): Metadata {
    metadata.set(secretKeys.lease, this.#leaseSecret);
    return metadata;
  }

  #note(condition: Condition, err?: unknown): void {
    const before = this.#condition;
    if (condition === before) return;
    this.#condition = condition;
    const { logger } = this.#options;
    if (condition === 'refused')
      logger.error(
        { event: 'registration-refused', code: (err as { code?: unknown }).code },
        `${(err as Error).message} (asked again every ${REFUSED_RETRY_MS / 1000} s)`,
      );
    else if (condition === 'elsewhere')
      logger.info({ event: 'control-plane-follows' }, `${(err as Error).message}; looking for the leader`);
    else if (condition === 'away')
      logger.warn(
        { event: 'control-plane-unreachable', err },
        'The control plane does not answer; trying on',
      );
    else if (before !== undefined)
      logger.info({ event: 'control-plane-back' }, 'The control plane answers again');
  }
}

type Condition = 'there' | 'away' | 'refused' | 'elsewhere';

/** Where the control plane says that the leader is. */
const leaderIn = (error: unknown): string | undefined => leaderSaid((error as Error).cause as ServiceError);

/** The control plane answers, and what it needs does not; a connection that broke says nothing. */
const isDatabaseAway = (error: unknown): boolean =>
  error instanceof TriptychError &&
  error.code === 'UNAVAILABLE' &&
  codeSaid(error.cause as ServiceError) === 'UNAVAILABLE';

/** The control plane has understood, and does not want this worker as it is. */
const REFUSALS: readonly unknown[] = ['UNAUTHENTICATED', 'INVALID_INPUT', 'ILLEGAL_STATE'];

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
