/**
 * What a control plane runs while it leads: the registry, supervision, predictions, the reading of datasets, housekeeping. All of it belongs to one term;
 * it is opened when that begins and closed when it ends.
 */
import type { TlsIdentity } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { CollectableStore } from '@triptych/storage';
import { Registrar } from '../datasets/registrar.ts';
import type { ControlMetrics } from '../metrics/control-metrics.ts';
import { Predictor } from '../predictions/predictor.ts';
import type { DeliveryQueue } from '../queue/delivery-queue.ts';
import { occupationsOf } from '../registry/fleet-list.ts';
import { createRegistry, type WorkerRegistry } from '../registry/worker-registry.ts';
import { ArtifactCollection } from '../retention/collection.ts';
import { Housekeeping, type HousekeepingOptions } from '../retention/housekeeping.ts';
import type { ArtifactHolds } from '../store/artifact-holds.ts';
import { artifactReferences } from '../store/artifact-references.ts';
import type { Database } from '../store/database.ts';
import type { DatasetStore } from '../store/dataset-store.ts';
import type { RunNotifier } from '../store/run-notifier.ts';
import type { RunStore } from '../store/run-store.ts';
import type { WorkerStore } from '../store/worker-store.ts';
import { createSupervisor } from '../supervisor/supervisor.ts';
import type { SupervisorMetrics } from '../supervisor/supervisor-metrics.ts';
import { TrainerClients } from '../supervisor/trainer-clients.ts';
import { type Close, closeAll } from './close-all.ts';
import type { LeaderDuties } from './leader-duties.ts';
import type { Closable } from './leadership.ts';
import type { Term } from './term.ts';

/** What every control plane has. It outlives the office. */
export interface OfficeParts
  extends Pick<HousekeepingOptions, 'deletion' | 'audit' | 'auditDays' | 'runDays'> {
  /** Writes in the term alone. */
  readonly runsIn: (term: Term) => RunStore;
  readonly workers: WorkerStore;
  readonly database: Database;
  readonly artifacts: CollectableStore;
  readonly holds: Pick<ArtifactHolds, 'hold' | 'whileFree'>;
  readonly datasets: DatasetStore;
  readonly queue: DeliveryQueue;
  readonly notifier: RunNotifier;
  readonly metrics: ControlMetrics;
  readonly supervisorMetrics: SupervisorMetrics;
  readonly logger: Logger;
  readonly tls?: TlsIdentity | undefined;
  /** How long artifacts that nothing refers to are kept. */
  readonly graceMs?: number;
}

export interface LeaderOffice extends Closable {
  readonly registry: WorkerRegistry;
  readonly registrar: Registrar;
  readonly duties: LeaderDuties;
  /** Of its term: what other control planes show. */
  readonly secret: string;
}

/** Resolves when runs are supervised. What was opened is closed where it rejects. */
export async function openOffice(parts: OfficeParts, term: Term): Promise<LeaderOffice> {
  const closers: Close[] = [];
  try {
    return { ...(await open(parts, term, closers)), close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers).catch(() => undefined);
    throw error;
  }
}

async function open(parts: OfficeParts, term: Term, closers: Close[]): Promise<Omit<LeaderOffice, 'close'>> {
  const { logger, workers, queue, notifier, tls, artifacts, metrics, holds, database, graceMs } = parts;
  const registry = createRegistry({ store: workers, logger });
  closers.push(() => registry.close());
  const clients = new TrainerClients({ registry, tls });
  closers.push(() => clients.close());
  const collection = new ArtifactCollection({
    ...{ artifacts, logger },
    references: () => holds.whileFree(() => artifactReferences(database)),
    assertMayRemove: () => term.assertHeld(),
    ...(graceMs !== undefined && { graceMs }),
    onRemoved: (removed) => metrics.collected(removed),
  });
  const registrar = new Registrar({ datasets: parts.datasets, artifacts, holds, notifier, logger });
  closers.push(() => registrar.close());
  registrar.start();
  const { deletion, audit, auditDays, runDays } = parts;
  const housekeeping = new Housekeeping({
    ...{ collection, deletion, workers, audit, logger },
    ...(auditDays !== undefined && { auditDays }),
    ...(runDays !== undefined && { runDays }),
  });
  closers.push(() => housekeeping.close());
  housekeeping.start();
  const supervisor = createSupervisor({
    ...{ registry, queue, notifier, clients, logger },
    runs: parts.runsIn(term),
    metrics: parts.supervisorMetrics,
  });
  // Closed first: runs are handed over before anything else is waited for.
  closers.push(() => supervisor.close());
  await supervisor.start();
  // After the scheduler, which so comes first where a worker becomes free.
  const predictor = new Predictor({ registry, clients, logger });
  return {
    ...{ registry, registrar },
    secret: term.secret,
    duties: {
      occupations: async () => occupationsOf(registry),
      predict: (asked, signal) => predictor.predict(asked, AbortSignal.any([signal, term.signal])),
      collect: () => collection.collect(),
      collectSoon: () => housekeeping.collectSoon(),
    },
  };
}
