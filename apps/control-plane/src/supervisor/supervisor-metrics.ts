/** What only a supervisor sees: why generations fail. The rest is told by the record. */
import { type ErrorCode, errorTable } from '@triptych/protocol';
import { METRIC_PREFIX } from '@triptych/runtime';
import { Counter, type Registry } from 'prom-client';

export class SupervisorMetrics {
  readonly #failures: Counter<'cause'>;

  constructor(registry: Registry) {
    this.#failures = new Counter({
      name: `${METRIC_PREFIX}worker_failures_total`,
      help: 'Generations that failed, by the code of their most telling failure',
      labelNames: ['cause'],
      registers: [registry],
    });
    // From zero on, so that the first of a kind is an increase.
    for (const cause of Object.keys(errorTable)) this.#failures.inc({ cause: cause as ErrorCode }, 0);
  }

  failed(code: ErrorCode): void {
    this.#failures.inc({ cause: code });
  }
}
