/** What a caller of the embedded stack says and gets. How processes are started is not described here. */

export interface StackOptions {
  /** Worker processes to start; 0 is allowed (add them later). */
  readonly workers: number;
  /** Control planes to start on the one database, of which one leads; default 1. */
  readonly controlPlanes?: number;
  /** Tensor backend of the workers; default `auto`. */
  readonly backend?: string;
  /** State folder: database, artifacts, logs, lock. Default `.triptych` in the current folder. Kept when the stack stops. */
  readonly home?: string;
  /** Port of the REST API and the page on 127.0.0.1; default: a free one. */
  readonly httpPort?: number;
  /** Environment on top of this process's own, for the control plane and the workers. `DATABASE_URL` replaces the embedded PostgreSQL. */
  readonly env?: Readonly<Record<string, string>>;
  /** Aborting stops whatever has been started, during the start as well as later through {@link Stack.stop}. */
  readonly signal?: AbortSignal;
  /** Called for each thing that happens to a process of the stack; for progress lines. */
  readonly onEvent?: (event: StackEvent) => void;
}

export interface StackEvent {
  /** `restarting`: it ended by itself and is started again after a pause of `seconds`. */
  readonly kind: 'starting' | 'ready' | 'exited' | 'restarting';
  /** `postgres`, `control-plane`, `worker-0`, ... */
  readonly process: string;
  readonly pid?: number;
  /** For `exited`: true where the stack itself ended it. */
  readonly expected?: boolean;
  readonly seconds?: number;
}

export interface StackProcess {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  readonly alive: boolean;
}

export interface StackControlPlane extends StackProcess {
  readonly url: string;
  readonly grpcAddress: string;
}

export interface StackWorker extends StackProcess {
  readonly workerId: string;
  /** Port of the worker's own gRPC server. */
  readonly port: number;
}

/**
 * A running embedded stack. Whoever started it stops it; if that process dies, every process of the stack follows. A process
 * that ends by itself is started again: the database and the control plane on the same ports, a worker as a new one.
 */
export interface Stack {
  readonly home: string;
  /** Of the REST API, the status page (`/`), `/docs` and `/metrics`. */
  readonly url: string;
  /** An API token of scope admin; undefined where nobody is asked for one (`TRIPTYCH_AUTH=off`). */
  readonly token: string | undefined;
  /** host:port that workers connect to. */
  readonly grpcAddress: string;
  readonly databaseUrl: string;
  readonly artifactsPath: string;
  readonly logsPath: string;
  /** Index = number in the name; one that was killed through the stack stays in the list, one that died by itself is replaced. */
  readonly workers: readonly StackWorker[];
  /** Of the first control plane, as `url` and `grpcAddress` are. */
  readonly controlPlane: StackProcess;
  /** All of them, in the order of their numbers. */
  readonly controlPlanes: readonly StackControlPlane[];
  /** Kills the first control plane (SIGKILL unless told) and starts it again on the same ports. Resolves when it is ready. */
  restartControlPlane(signal?: NodeJS.Signals): Promise<void>;
  /** Ends control plane `index` (SIGKILL unless told); resolves when it is gone. */
  endControlPlane(index: number, signal?: NodeJS.Signals): Promise<void>;
  /** Starts control plane `index` again, on the same ports. Resolves when it is ready. */
  startControlPlane(index: number): Promise<void>;
  /** Ends worker `index` (SIGKILL unless told); resolves when it is gone. */
  killWorker(index: number, signal?: NodeJS.Signals): Promise<void>;
  /** Starts one more worker; resolves when it has registered. */
  addWorker(options?: { readonly env?: Readonly<Record<string, string>> }): Promise<StackWorker>;
  /** Stops workers, control plane and database in this order. Safe to call more than once. */
  stop(): Promise<void>;
}
