/**
 * Refused requests on their way into the audit. The first of a kind is written at once; those that follow within a minute are
 * counted, and written as one: however many come, the audit grows by a few lines a minute.
 */
import type { Told } from '../store/audit-log.ts';

export interface RefusalsOptions {
  readonly record: (told: Told) => Promise<void>;
  readonly windowMs?: number;
  /** Kinds that are told apart within a window, of principals; of what comes beyond them only the action is kept. */
  readonly mostKinds?: number;
  /** The same of callers who are not known: anybody can be as many as they like. */
  readonly mostUnknown?: number;
}

export class Refusals {
  readonly #options: RefusalsOptions;
  /** How many of a kind were not written yet. */
  readonly #kinds = new Map<string, { readonly told: Told; more: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  async add(told: Told): Promise<void> {
    const { mostKinds = 200, mostUnknown = 20, windowMs = 60_000 } = this.#options;
    const isKnown = told.actor !== undefined;
    const alike = [...this.#kinds.values()].filter((one) => (one.told.actor !== undefined) === isKnown);
    const isRoom = alike.length < (isKnown ? mostKinds : mostUnknown);
    const kind = this.#kinds.has(keyOf(told)) || isRoom ? told : nameless(told);
    const seen = this.#kinds.get(keyOf(kind));
    if (seen) {
      seen.more += 1;
      return;
    }
    this.#kinds.set(keyOf(kind), { told: kind, more: 0 });
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), windowMs).unref();
    await this.#options.record(kind);
  }

  /** Writes what was only counted, and begins a new window. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const counted = [...this.#kinds.values()].filter(({ more }) => more > 0);
    this.#kinds.clear();
    for (const { told, more } of counted) await this.#options.record({ ...told, count: more });
  }
}

/** Subjects are as many as a caller can make up. */
const keyOf = ({ actor, action, code, address }: Told): string =>
  JSON.stringify([actor, action, code, address]);

const nameless = ({ action, outcome, code }: Told): Told => ({ action, outcome, code });
