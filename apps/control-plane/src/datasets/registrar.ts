/**
 * Reads the folders of datasets that were registered: each is decoded, packed into the artifact store, and then READY, or INVALID
 * with the reason. What is under way when the process ends is begun again by the next one: the record says what is to be read, and
 * what was stored already is not stored twice.
 */
import { type PackProgress, packDataset } from '@triptych/datasets';
import { type Dataset, type DatasetFailure, type DatasetProgress, TriptychError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { ArtifactStore } from '@triptych/storage';
import type { ArtifactHolds } from '../store/artifact-holds.ts';
import type { DatasetStore } from '../store/dataset-store.ts';
import { isOutage, outageReason } from '../store/outage.ts';
import type { RunNotifier } from '../store/run-notifier.ts';

export interface RegistrarOptions {
  readonly datasets: DatasetStore;
  readonly artifacts: ArtifactStore;
  readonly holds: Pick<ArtifactHolds, 'hold'>;
  /** Woken by the id of a dataset when something about it has changed. */
  readonly notifier: RunNotifier;
  readonly logger: Logger;
  /** Folders into which links of a dataset may lead, beside its own. */
  readonly roots?: readonly string[];
  /** Folders that are read at the same time. */
  readonly width?: number;
  /** What another control plane accepted is seen within this time. */
  readonly pollMs?: number;
  /** From one report of progress to the next, and so from a cancellation elsewhere to the end of the reading. */
  readonly reportMs?: number;
  /** Before a reading that an outage broke off is begun again. */
  readonly patienceMs?: number;
}

/** A folder at whose reading the process ended so often is not read again: it may be what ends the process. */
const MOST_TRIES = 3;

export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #readings = new Map<string, { readonly stop: AbortController; readonly end: Promise<void> }>();
  readonly #resting = new Set<string>();
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  start(): void {
    const { pollMs = 2000 } = this.#options;
    this.#timer = setInterval(() => this.look(), pollMs).unref();
    this.look();
  }

  /** There may be something to read. */
  look(): void {
    this.#look = this.#look.then(() => this.#fill()).catch(() => undefined);
  }

  /** Ends a reading that is under way here, at once; elsewhere it ends with its next report. */
  stop(id: string): void {
    this.#readings.get(id)?.stop.abort(cancelled());
    this.#options.notifier.wake(id);
  }

  /** Resolves when nothing is read any more. What was under way stays in the record, to be begun again. */
  async close(): Promise<void> {
    this.#closing.abort(new TriptychError('UNAVAILABLE', 'The control plane is ending'));
    clearInterval(this.#timer);
    await this.#look;
    await Promise.all([...this.#readings.values()].map(({ end }) => end));
  }

  async #fill(): Promise<void> {
    const { datasets, width = 2 } = this.#options;
    if (this.#closing.signal.aborted || this.#readings.size >= width) return;
    for (const dataset of await datasets.unread()) {
      if (this.#closing.signal.aborted || this.#readings.size >= width) return;
      if (this.#readings.has(dataset.id) || this.#resting.has(dataset.id)) continue;
      const stop = new AbortController();
      const end = this.#read(dataset, AbortSignal.any([stop.signal, this.#closing.signal]))
        .catch((err: unknown) => {
          const { id, name } = dataset;
          this.#options.logger.warn(
            { event: 'dataset-not-recorded', id, name, err },
            'Reading is begun again',
          );
          this.#rest(id);
        })
        .finally(() => {
          this.#readings.delete(dataset.id);
          this.#options.notifier.wake(dataset.id);
          this.look();
        });
      this.#readings.set(dataset.id, { stop, end });
    }
  }

  async #read(dataset: Dataset, signal: AbortSignal): Promise<void> {
    const { datasets, artifacts, holds, logger, roots = [] } = this.#options;
    const { id, name, path, format } = dataset;
    await using hold = await holds.hold();
    const tries = await datasets.take(id);
    if (tries === undefined) return;
    if (tries > MOST_TRIES) return void (await datasets.fail(id, endsTheProcess()));
    using reports = this.#reports(id);
    const began = performance.now();
    try {
      const packed = await packDataset({
        ...{ path, format, roots, store: artifacts, onProgress: reports.tell },
        signal: AbortSignal.any([signal, reports.unwanted]),
      });
      const { manifest, sha256, bytes, splits, problems } = packed;
      const classNames = [...manifest.classNames];
      const facts = { format: manifest.format, manifest: sha256, bytes, splits, classNames, problems };
      await datasets.ready(id, facts, hold);
      const seconds = (performance.now() - began) / 1000;
      logger.info(
        { event: 'dataset-ready', id, name, format: manifest.format, recognised: packed.recognised, seconds },
        `Read dataset ${name}`,
      );
    } catch (error) {
      if (this.#closing.signal.aborted) return await datasets.putBack(id);
      if (signal.aborted || reports.unwanted.aborted) return;
      if (isPassing(error)) {
        const { message } = error as Error;
        logger.warn({ event: 'dataset-waits', id, name, err: error }, `Reading ${name} waits: ${message}`);
        this.#rest(id);
        return await datasets.putBack(id, isOutage(error) ? outageReason(error) : message);
      }
      const failure = failureOf(error);
      const level = failure.code === 'INTERNAL' ? 'error' : 'info';
      logger[level]({ event: 'dataset-invalid', id, name, err: error }, `Dataset ${name} cannot be used`);
      await datasets.fail(id, failure);
    }
  }

  /** Progress on its way to the record, at a steady pace. */
  #reports(id: string) {
    const { datasets, notifier, reportMs = 1000 } = this.#options;
    const unwanted = new AbortController();
    let newest: DatasetProgress = { phase: 'read', done: 0, total: 0 };
    let told: DatasetProgress | undefined;
    const timer = setInterval(async () => {
      const now = newest;
      // An outage is noticed where the result is written.
      const wanted = await datasets.progress(id, now).catch(() => true);
      if (!wanted) unwanted.abort(cancelled());
      if (now !== told) notifier.wake(id);
      told = now;
    }, reportMs).unref();
    return {
      unwanted: unwanted.signal,
      tell: ({ phase, done, total }: PackProgress) => {
        newest = { phase, done, total };
      },
      [Symbol.dispose]: () => clearInterval(timer),
    };
  }

  #rest(id: string): void {
    const { patienceMs = 5000 } = this.#options;
    this.#resting.add(id);
    setTimeout(() => {
      this.#resting.delete(id);
      this.look();
    }, patienceMs).unref();
  }
}

const cancelled = () => new TriptychError('CANCELLED', 'The registration was cancelled');

/** Whether the same reading can succeed later: no room for the artifacts, no database. */
const isPassing = (error: unknown): boolean =>
  error instanceof TriptychError ? error.kind.retry : isOutage(error);

function failureOf(error: unknown): DatasetFailure {
  if (!(error instanceof TriptychError))
    return {
      code: 'INTERNAL',
      message: 'Reading the folder failed in an unexpected way; the log of the control plane says how',
    };
  const { code, message, violations } = error;
  return { code, message, ...(violations.length > 0 ? { violations: [...violations] } : {}) };
}

const endsTheProcess = (): DatasetFailure => ({
  code: 'DATASET_INVALID',
  message: `The control plane ended ${MOST_TRIES} times while it read this folder; look into its log and its memory limit, register the folder in parts, or register it again`,
});
