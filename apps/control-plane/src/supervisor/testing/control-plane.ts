/** The supervising half of a control plane on real stores: registry, gRPC server, queue and supervisor. */
import { createLogger } from '@triptych/runtime';
import { Registry } from 'prom-client';
import { createGrpcServer } from '../../grpc/create-grpc-server.ts';
import type { DeliveryQueue } from '../../queue/delivery-queue.ts';
import { createRegistry, type WorkerRegistry } from '../../registry/worker-registry.ts';
import type { TestStores } from '../../testing/store.ts';
import type { FailureBudgetOptions } from '../failure-verdict.ts';
import type { SupervisionTiming } from '../supervision-timing.ts';
import { createSupervisor, type Supervisor } from '../supervisor.ts';
import { SupervisorMetrics } from '../supervisor-metrics.ts';
import { TrainerClients } from '../trainer-clients.ts';
import { MemoryQueue } from './memory-queue.ts';

export interface TestControlPlane {
  readonly port: number;
  readonly registry: WorkerRegistry;
  readonly queue: DeliveryQueue;
  readonly supervisor: Supervisor;
  close(): Promise<void>;
}

export async function startControlPlane(options: {
  stores: TestStores;
  queue?: DeliveryQueue;
  timing?: Partial<SupervisionTiming>;
  failures?: FailureBudgetOptions;
  leaseMs?: number;
  blameMs?: number;
}): Promise<TestControlPlane> {
  const { stores, queue = new MemoryQueue(), timing, failures, leaseMs = 1500, blameMs = 20 } = options;
  const logger = createLogger({ name: 'test', level: 'silent' });
  const registry = createRegistry({ store: stores.workers, logger, leaseMs, heartbeatMs: 100, blameMs });
  const grpc = await createGrpcServer({
    ...{ registry, logger, store: stores.artifacts },
    host: '127.0.0.1',
    port: 0,
  });
  const clients = new TrainerClients({ registry });
  const supervisor = createSupervisor({
    ...{
      registry,
      queue,
      clients,
      logger,
      runs: stores.runs,
      notifier: stores.notifier,
      metrics: new SupervisorMetrics(new Registry()),
    },
    timing: {
      paceMs: 20,
      settleMs: 1000,
      graceMs: 100,
      returnWindowMs: 2000,
      firstContactMs: 1000,
      ...timing,
    },
    failures: { firstDelayMs: 10, ...failures },
    reconcileMs: 200,
  });
  await supervisor.start();
  return {
    ...{ port: grpc.port, registry, queue, supervisor },
    close: async () => {
      await supervisor.close();
      await queue.close();
      clients.close();
      await grpc.close(0);
      registry.close();
    },
  };
}
