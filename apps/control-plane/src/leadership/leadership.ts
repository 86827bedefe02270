/**
 * Of the control planes on one database one leads: the one whose session holds the lock. The others try for it at a steady pace.
 * What a leader runs is opened when its term begins and closed when it ends, however it ends; what that is, this does not know.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@triptych/runtime';
import { beginTerm, type LeaderContact } from '../store/leader-record.ts';
import { LockSession } from '../store/lock-session.ts';
import { notLeader, Term } from './term.ts';

export interface LeadershipOptions<Office extends Closable> {
  readonly databaseUrl: string;
  readonly self: LeaderContact;
  /** Opens what a leader runs. Where it rejects, the term ends and another is tried for. */
  readonly open: (term: Term) => Promise<Office>;
  readonly logger: Logger;
  readonly timing?: Partial<LeadershipTiming>;
  /** Milliseconds of a clock that does not jump. */
  readonly now?: () => number;
}

export interface Closable {
  close(): Promise<void>;
}

export interface LeadershipTiming {
  /** From one try for the lock, or confirmation of it, to the next. */
  readonly paceMs: number;
  /** For so long a confirmation holds; the answer to any question must come within it. */
  readonly confirmedMs: number;
  /** After so long without a question the server gives the lock back. More than `confirmedMs`: the old leader stops first. */
  readonly idleMs: number;
  /** How long what a leader ran may take to close, before it is tried to lead again. */
  readonly closeMs: number;
}

export const defaultTiming: LeadershipTiming = {
  paceMs: 1000,
  confirmedMs: 7000,
  idleMs: 10_000,
  closeMs: 10_000,
};

export class Leadership<Office extends Closable> {
  readonly #options: LeadershipOptions<Office>;
  readonly #timing: LeadershipTiming;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  readonly #decided: Promise<void>;
  #decide = () => {};
  #session: LockSession | undefined;
  #term: Term | undefined;
  #office: Office | undefined;
  #kept: Promise<void> | undefined;
  #isAway = false;

  constructor(options: LeadershipOptions<Office>) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#now = options.now ?? (() => performance.now());
    this.#decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
  }

  /** Resolves when it is decided for the first time who leads, and what a leader runs is open where it is this one. */
  start(): Promise<void> {
    this.#kept ??= this.#keep();
    return this.#decided;
  }

  get self(): LeaderContact {
    return this.#options.self;
  }

  /** False while the database does not answer: then nobody can lead. */
  get isInformed(): boolean {
    return this.#session?.gone.aborted === false;
  }

  get isLeading(): boolean {
    return this.#term?.isHeld ?? false;
  }

  /** What this process runs as leader; nothing while it does not lead. */
  get office(): Office | undefined {
    return this.isLeading ? this.#office : undefined;
  }

  /** Hands over: what the leader runs is closed, then the lock given back. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#term?.end(notLeader('This control plane is ending'));
    this.#decide();
    await this.#kept;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#once().catch((error: unknown) => this.#note(error));
      this.#decide();
      await delay(this.#timing.paceMs / 2, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One session, to its end. */
  async #once(): Promise<void> {
    const { databaseUrl } = this.#options;
    const { confirmedMs: answerMs, idleMs } = this.#timing;
    const session = await LockSession.open(databaseUrl, { answerMs, idleMs });
    this.#session = session;
    try {
      this.#isAway = false;
      if (await this.#wait(session)) await this.#lead(session);
    } finally {
      await session.close();
    }
  }

  /** Resolves with true when the lock is held, with false when this process ends. */
  async #wait(session: LockSession): Promise<boolean> {
    const { signal } = this.#closing;
    const { logger } = this.#options;
    for (let tries = 0; !signal.aborted; tries++) {
      if (await session.tryLock('leader')) return true;
      if (tries === 0) logger.info({ event: 'following' }, 'Another control plane leads; this one follows');
      this.#decide();
      await delay(this.#timing.paceMs, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  async #lead(session: LockSession): Promise<void> {
    const { self, open, logger } = this.#options;
    const askedAt = this.#now();
    const begun = await beginTerm(session, self);
    const term = new Term({ ...begun, askedAt, confirmedMs: this.#timing.confirmedMs, now: this.#now });
    this.#term = term;
    if (this.#closing.signal.aborted) return;
    logger.info({ event: 'leading', term: String(term.number), ...self }, `Leads from now on (${self.name})`);
    const confirming = this.#confirm(session, term);
    let office: Office | undefined;
    try {
      office = await open(term);
      this.#office = office;
      this.#decide();
      await confirming;
    } catch (error) {
      term.end(error as Error);
      throw error;
    } finally {
      this.#office = undefined;
      if (!this.#closing.signal.aborted)
        logger.warn({ event: 'leadership-lost', err: term.signal.reason }, 'Does not lead any more');
      await this.#closeOffice(office);
    }
  }

  /** Until the term ends: with the session, or because nobody confirms it. */
  async #confirm(session: LockSession, term: Term): Promise<void> {
    const lose = () => term.end(session.gone.reason);
    session.gone.addEventListener('abort', lose, { once: true });
    while (!term.signal.aborted) {
      await delay(this.#timing.paceMs, undefined, { signal: term.signal }).catch(() => undefined);
      if (term.signal.aborted) break;
      const askedAt = this.#now();
      try {
        await session.confirm();
        term.confirm(askedAt);
      } catch (error) {
        term.end(error as Error);
      }
    }
  }

  /** What does not close in time (a database that does not answer) can do no harm: its writes are refused. */
  async #closeOffice(office: Office | undefined): Promise<void> {
    const { logger } = this.#options;
    const late = new AbortController();
    const closed = office?.close().catch((err: unknown) => {
      logger.warn({ event: 'leader-close-failed', err }, 'What was run as leader did not close in order');
    });
    await Promise.race([
      closed,
      delay(this.#timing.closeMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
  }

  /** Once for each absence. */
  #note(err: unknown): void {
    if (this.#isAway || this.#closing.signal.aborted) return;
    this.#isAway = true;
    this.#options.logger.warn(
      { event: 'leadership-unreachable', err },
      'The database does not say who leads; trying on',
    );
  }
}
