/** What the routes work with. Everything is opened elsewhere and outlives the server. */
import type { ArtifactStore } from '@triptych/storage';
import type { Registry } from 'prom-client';
import type { Authenticator } from '../access/authenticator.ts';
import type { Registrar } from '../datasets/registrar.ts';
import type { LeaderDuties } from '../leadership/leader-duties.ts';
import type { Leadership } from '../leadership/leadership.ts';
import type { ControlMetrics } from '../metrics/control-metrics.ts';
import type { ArtifactHolds } from '../store/artifact-holds.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { DatasetStore } from '../store/dataset-store.ts';
import type { ModelStore } from '../store/model-store.ts';
import type { RecordDeletion } from '../store/record-deletion.ts';
import type { RunHistory } from '../store/run-history.ts';
import type { RunNotifier } from '../store/run-notifier.ts';
import type { RunQueue } from '../store/run-queue.ts';
import type { RunStore } from '../store/run-store.ts';
import type { RunSubmission } from '../store/run-submission.ts';
import type { TokenStore } from '../store/token-store.ts';
import type { WorkerStore } from '../store/worker-store.ts';
import type { DataRoots } from './data-roots.ts';

export interface Services {
  readonly database: Pick<Database, 'ping'>;
  readonly runs: Pick<RunStore, 'get' | 'idOf' | 'requestCancel' | 'acceptOtherNumerics' | 'statusOf'>;
  readonly history: RunHistory;
  readonly submission: RunSubmission;
  readonly authenticator: Authenticator;
  readonly tokens: TokenStore;
  readonly audit: AuditLog;
  readonly datasets: DatasetStore;
  readonly registrar: Pick<Registrar, 'look' | 'stop'>;
  readonly models: ModelStore;
  readonly deletion: Pick<RecordDeletion, 'run' | 'dataset' | 'model'>;
  readonly workers: Pick<WorkerStore, 'list'>;
  /** Of this control plane, or of the one that leads. */
  readonly leader: LeaderDuties;
  readonly leadership: Pick<Leadership<never>, 'isLeading'>;
  readonly queue: RunQueue;
  readonly artifacts: ArtifactStore;
  readonly holds: Pick<ArtifactHolds, 'hold'>;
  readonly dataRoots: DataRoots;
  readonly notifier: RunNotifier;
  readonly metrics: ControlMetrics;
  readonly registry: Registry;
}
