/**
 * What the control plane tells Prometheus. Counters and histograms are fed by the requests and writes of this process;
 * gauges are read from the record at each scrape, so they are right after a restart and vanish with the run they tell of.
 */

import { architectures } from '@triptych/models/catalog';
import type { Run, RunStatus, StepMetric } from '@triptych/protocol';
import { isTerminal, runReasons, terminalStatuses } from '@triptych/protocol';
import { type CertificateEnd, METRIC_PREFIX } from '@triptych/runtime';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { RunObserver } from '../store/run-observer.ts';

const REQUEST_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const WAIT_BUCKETS = [0.1, 0.5, 1, 2, 5, 10, 60, 300, 1800, 7200];
const STEP_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

export class ControlMetrics implements RunObserver {
  readonly #requests: Histogram;
  readonly #submitted: Counter;
  readonly #finished: Counter;
  readonly #queueWait: Histogram;
  readonly #firstStep: Histogram;
  readonly #fenced: Counter;
  readonly #samples: Counter;
  readonly #phases: Histogram;
  readonly #runPhases: Counter;
  readonly #time: Counter;
  readonly #recoveries: Counter;
  readonly #collected: Counter;
  readonly #collectedBytes: Counter;
  readonly #certificateEnds: Gauge;

  constructor(registry: Registry) {
    const of = (name: string, help: string, labelNames: string[] = []) => ({
      name: `${METRIC_PREFIX}${name}`,
      help,
      labelNames,
      registers: [registry],
    });
    this.#requests = new Histogram({
      ...of('http_request_duration_seconds', 'Time to answer a request', ['method', 'route', 'status_code']),
      buckets: REQUEST_BUCKETS,
    });
    this.#submitted = new Counter(of('runs_submitted_total', 'Runs taken into the record'));
    this.#finished = new Counter(
      of('runs_finished_total', 'Runs that ended', ['status', 'reason', 'architecture']),
    );
    this.#queueWait = new Histogram({
      ...of('run_queue_wait_seconds', 'From submission to the first placement'),
      buckets: WAIT_BUCKETS,
    });
    this.#firstStep = new Histogram({
      ...of('run_time_to_first_step_seconds', 'From submission to the first committed step'),
      buckets: WAIT_BUCKETS,
    });
    this.#fenced = new Counter(of('fenced_writes_total', 'Writes refused because a newer owner exists'));
    this.#samples = new Counter(
      of('samples_processed_total', 'Samples of committed steps of live runs', ['run']),
    );
    this.#phases = new Histogram({
      ...of('step_duration_seconds', 'Time of a step by phase', ['phase']),
      buckets: STEP_BUCKETS,
    });
    this.#runPhases = new Counter(
      of('run_phase_seconds_total', 'Time of the steps of live runs by phase', ['run', 'phase']),
    );
    this.#time = new Counter(
      of('run_time_seconds_total', 'Time of steps by what it was spent on', ['category']),
    );
    this.#recoveries = new Counter(of('recoveries_total', 'Recoveries begun', ['cause']));
    this.#collected = new Counter(
      of('artifacts_collected_total', 'Artifacts that nothing referred to and that were removed'),
    );
    this.#collectedBytes = new Counter(
      of(
        'artifacts_collected_bytes_total',
        'Bytes of artifacts that nothing referred to and that were removed',
      ),
    );
    this.#certificateEnds = new Gauge(
      of('certificate_expiry_timestamp_seconds', 'When the certificate of this process, or its CA, ends', [
        'setting',
      ]),
    );
    this.#beginAtZero();
  }

  /**
   * A series that appears with its first event shows no increase: the first failure of a kind would raise no alert.
   */
  #beginAtZero(): void {
    for (const reason of runReasons) {
      this.#recoveries.inc({ cause: reason }, 0);
      for (const status of terminalStatuses)
        for (const architecture of Object.keys(architectures))
          this.#finished.inc({ status, reason, architecture }, 0);
    }
    for (const category of ['data_wait', 'productive']) this.#time.inc({ category }, 0);
  }

  answered(request: { method: string; route: string; status: number; seconds: number }): void {
    const { method, route, status, seconds } = request;
    this.#requests.observe({ method, route, status_code: status }, seconds);
  }

  /** Those that this process goes on with until it is restarted. */
  certificates(ends: readonly CertificateEnd[]): void {
    for (const { setting, endsAt } of ends) this.#certificateEnds.set({ setting }, endsAt.getTime() / 1000);
  }

  collected({ count, bytes }: { readonly count: number; readonly bytes: number }): void {
    this.#collected.inc(count);
    this.#collectedBytes.inc(bytes);
  }

  submitted(_run: Run): void {
    this.#submitted.inc();
  }

  moved({ run, from }: { run: Run; from: RunStatus }): void {
    const age = (Date.now() - Date.parse(run.createdAt)) / 1000;
    if (from === 'SCHEDULING' && run.status === 'STARTING' && run.attempt <= 1) this.#queueWait.observe(age);
    if (run.status === 'RECOVERING' && from !== 'RECOVERING') this.#recoveries.inc({ cause: run.reason });
    if (!isTerminal(run.status) || isTerminal(from)) return;
    this.#finished.inc({ status: run.status, reason: run.reason, architecture: run.architecture });
    this.#samples.remove({ run: run.id });
    for (const phase of phases) this.#runPhases.remove({ run: run.id, phase });
  }

  stepped({ runId, steps, samples, first }: Parameters<RunObserver['stepped']>[0]): void {
    if (first) this.#firstStep.observe(first.waitSeconds);
    this.#samples.inc({ run: runId }, Math.max(0, samples));
    for (const { phaseSeconds } of steps) this.#observePhases(runId, phaseSeconds);
  }

  fenced(): void {
    this.#fenced.inc();
  }

  #observePhases(run: string, seconds: StepMetric['phaseSeconds']): void {
    const { data, forwardBackward, allReduce, optimizer } = seconds;
    const byPhase = { data, forward_backward: forwardBackward, all_reduce: allReduce, optimizer };
    for (const phase of phases) {
      this.#phases.observe({ phase }, byPhase[phase]);
      this.#runPhases.inc({ run, phase }, byPhase[phase]);
    }
    this.#time.inc({ category: 'data_wait' }, data);
    this.#time.inc({ category: 'productive' }, forwardBackward + allReduce + optimizer);
  }
}

const phases = ['data', 'forward_backward', 'all_reduce', 'optimizer'] as const;
