/** The embedded stack: database, control plane and workers as child processes of this one, on free ports of 127.0.0.1. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TriptychError } from '@triptych/protocol';
import { Child, type Readiness } from './child.ts';
import { type Home, openHome } from './home.ts';
import { KeptProcess } from './kept-process.ts';
import type {
  Stack,
  StackControlPlane,
  StackEvent,
  StackOptions,
  StackProcess,
  StackWorker,
} from './options.ts';
import { freePorts } from './ports.ts';
import { DatabaseLife } from './postgres/database-life.ts';
import { stackToken } from './stack-token.ts';

const CONTROL_PLANE = new URL('../../../control-plane/dist/main.js', import.meta.url);
const WORKER = new URL('../../../worker/dist/main.js', import.meta.url);

/**
 * Starts everything at once and resolves when every worker has registered. Whatever fails or aborts the start, nothing is left
 * running. UNAVAILABLE (with the end of the log) where a process does not come up, ILLEGAL_STATE where the home is in use.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const home = openHome(options.home ?? '.triptych');
  const stack = new EmbeddedStack(home, options);
  try {
    await stack.start();
    return stack;
  } catch (error) {
    await stack.stop();
    options.signal?.throwIfAborted();
    throw error;
  }
}

class EmbeddedStack implements Stack {
  readonly home: string;
  readonly artifactsPath: string;
  readonly logsPath: string;
  readonly workers: StackWorker[] = [];
  readonly token: string | undefined;
  databaseUrl = '';
  readonly #home: Home;
  readonly #options: StackOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal;
  #places: readonly Place[] = [];
  #database: KeptProcess<DatabaseLife> | undefined;
  #databasePort: number | undefined;
  readonly #controlPlanes: KeptProcess<Child>[] = [];
  readonly #workers: KeptProcess<Child>[] = [];
  readonly #logs = new Set<string>();
  #starting: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(home: Home, options: StackOptions) {
    this.#home = home;
    this.#options = options;
    this.home = home.path;
    this.artifactsPath = home.artifacts;
    this.logsPath = home.logs;
    this.#env = { ...process.env, ...options.env };
    this.token = stackToken(home, this.#env);
    this.#signal = AbortSignal.any([this.#stopping.signal, ...(options.signal ? [options.signal] : [])]);
  }

  get url(): string {
    return this.#places[0]?.url ?? '';
  }

  get grpcAddress(): string {
    return this.#places[0]?.grpcAddress ?? '';
  }

  get controlPlane(): StackProcess {
    return this.#lifeOf(0);
  }

  get controlPlanes(): StackControlPlane[] {
    return this.#places.map(({ url, grpcAddress }, index) => {
      const { name, pid, logPath, alive } = this.#lifeOf(index);
      return { name, pid, logPath, alive, url, grpcAddress };
    });
  }

  async start(): Promise<void> {
    this.#signal.throwIfAborted();
    const { controlPlanes = 1, httpPort } = this.#options;
    const ports = await freePorts(2 * controlPlanes);
    this.#places = Array.from({ length: controlPlanes }, (_, index) =>
      placeOf(index, (index === 0 && httpPort) || (ports[2 * index] ?? 0), ports[2 * index + 1] ?? 0),
    );
    // Workers warm up their tensor engine while the database is being created; they try until the control plane answers.
    const starts = [
      this.#startServices(),
      ...Array.from({ length: this.#options.workers }, () => this.addWorker()),
    ];
    this.#starting = Promise.allSettled(starts);
    await Promise.all(starts);
  }

  async addWorker(options: { readonly env?: Readonly<Record<string, string>> } = {}): Promise<StackWorker> {
    const index = this.#workers.length;
    const worker = this.#keep(
      `worker-${index}`,
      {
        entry: WORKER,
        env: {
          TRIPTYCH_CONTROL: this.#places.map(({ grpcAddress }) => grpcAddress).join(),
          TRIPTYCH_WORKER_HOST: '127.0.0.1',
          TRIPTYCH_WORKER_PORT: '0',
          TRIPTYCH_CACHE_DIR: join(this.#home.cache, `worker-${index}`),
          TRIPTYCH_ARTIFACTS_URL: this.#artifactsUrl,
          ...(this.#options.backend === undefined ? {} : { TRIPTYCH_BACKEND: this.#options.backend }),
          ...this.#options.env,
          ...options.env,
        },
      },
      (child, readiness) => {
        this.workers[index] = new ReadyWorker(
          child,
          String(readiness['workerId']),
          Number(readiness['port']),
        );
      },
    );
    this.#workers.push(worker);
    await worker.start();
    return this.workers[index] as StackWorker;
  }

  async killWorker(index: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const worker = this.#workers[index];
    if (!worker) throw new RangeError(`There is no worker ${index}; there are ${this.#workers.length}`);
    await worker.end(signal);
  }

  async restartControlPlane(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.endControlPlane(0, signal);
    await this.startControlPlane(0);
  }

  async endControlPlane(index: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#controlPlanes[index]?.end(signal);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new TriptychError('CANCELLED', 'The stack was stopped'));
    await this.#starting;
    // Workers take their leave from the control plane, and that writes to the database: in this order.
    await Promise.all(this.#workers.map((worker) => worker.end('SIGTERM')));
    // Those that follow first: nobody takes over what is about to end.
    for (const controlPlane of [...this.#controlPlanes].reverse()) await controlPlane.end('SIGTERM');
    await this.#database?.end('SIGTERM');
    this.#home.release();
  }

  async #startServices(): Promise<void> {
    this.databaseUrl = this.#env['DATABASE_URL'] || (await this.#startDatabase());
    // One after the other: the first leads.
    for (const index of this.#places.keys()) await this.startControlPlane(index);
  }

  async #startDatabase(): Promise<string> {
    const logPath = this.#newLog('postgres');
    this.#database = new KeptProcess({
      name: 'postgres',
      begin: () =>
        new DatabaseLife(
          {
            folder: this.#home.postgres,
            logPath,
            signal: this.#signal,
            // Whoever has its address goes on with it.
            ...(this.#databasePort === undefined ? {} : { port: this.#databasePort }),
          },
          this.#tell,
        ),
      signal: this.#signal,
      onEvent: this.#tell,
      onReady: (_, { url, port }) => {
        this.#databasePort = port;
        this.databaseUrl = url;
      },
    });
    await this.#database.start();
    return this.databaseUrl;
  }

  async startControlPlane(index: number): Promise<void> {
    const { name, httpPort, grpcPort } = this.#places[index] as Place;
    const controlPlane = this.#keep(name, {
      entry: CONTROL_PLANE,
      env: {
        TRIPTYCH_HTTP_HOST: '127.0.0.1',
        TRIPTYCH_HTTP_PORT: String(httpPort),
        TRIPTYCH_GRPC_HOST: '127.0.0.1',
        TRIPTYCH_GRPC_PORT: String(grpcPort),
        ARTIFACTS_URL: this.#artifactsUrl,
        // One of the two, as the environment may have either; an empty one is none.
        ...(this.#env['TRIPTYCH_ADMIN_TOKEN'] || this.#env['TRIPTYCH_ADMIN_TOKEN_FILE']
          ? {}
          : { TRIPTYCH_ADMIN_TOKEN_FILE: this.#home.tokenFile }),
        ...this.#options.env,
        DATABASE_URL: this.databaseUrl,
      },
    });
    this.#controlPlanes[index] = controlPlane;
    await controlPlane.start();
  }

  #lifeOf(index: number): Child {
    const life = this.#controlPlanes[index]?.life;
    if (!life) throw new TriptychError('UNAVAILABLE', 'The control plane has not been started');
    return life;
  }

  get #artifactsUrl(): string {
    return this.#env['ARTIFACTS_URL'] || pathToFileURL(this.#home.artifacts).href;
  }

  #keep(
    name: string,
    { entry, env }: { entry: URL; env: NodeJS.ProcessEnv },
    onReady: (child: Child, readiness: Readiness) => void = () => {},
  ): KeptProcess<Child> {
    return new KeptProcess({
      name,
      begin: () =>
        new Child({
          ...{ name, entry, env: this.#environment(env) },
          logPath: this.#newLog(name),
          onEvent: this.#tell,
        }),
      signal: this.#signal,
      onEvent: this.#tell,
      onReady,
    });
  }

  /** What the user chose, on top of what a process of the stack needs; a join token of its own only where there is none. */
  #environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const whole = { ...this.#env, ...env };
    const hasToken = whole['TRIPTYCH_JOIN_TOKEN'] || whole['TRIPTYCH_JOIN_TOKEN_FILE'];
    return hasToken ? whole : { ...whole, TRIPTYCH_JOIN_TOKEN_FILE: this.#home.joinToken };
  }

  readonly #tell = (event: StackEvent): void => this.#options.onEvent?.(event);

  /** Emptied when a stack first uses it; a process that is restarted goes on in the same file. */
  #newLog(name: string): string {
    const path = join(this.#home.logs, `${name}.log`);
    if (this.#logs.has(path)) return path;
    this.#logs.add(path);
    mkdirSync(this.#home.logs, { recursive: true });
    writeFileSync(path, '');
    return path;
  }
}

interface Place {
  readonly name: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly url: string;
  readonly grpcAddress: string;
}

const placeOf = (index: number, httpPort: number, grpcPort: number): Place => ({
  name: index === 0 ? 'control-plane' : `control-plane-${index}`,
  ...{ httpPort, grpcPort },
  url: `http://127.0.0.1:${httpPort}`,
  grpcAddress: `127.0.0.1:${grpcPort}`,
});

class ReadyWorker implements StackWorker {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  readonly workerId: string;
  readonly port: number;
  readonly #child: Child;

  constructor(child: Child, workerId: string, port: number) {
    this.name = child.name;
    this.pid = child.pid;
    this.logPath = child.logPath;
    this.workerId = workerId;
    this.port = port;
    this.#child = child;
  }

  get alive(): boolean {
    return this.#child.alive;
  }
}
