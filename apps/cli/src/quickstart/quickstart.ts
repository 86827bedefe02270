/**
 * From nothing to a score: embedded stack, sample images, one run submitted over REST as any user would, its scores and weights.
 * It uses no way into the service that a user does not have.
 */
import { join } from 'node:path';
import { TriptychClient } from '@triptych/client';
import {
  type Dataset,
  isTerminal,
  type Run,
  type RunSpec,
  type Split,
  TriptychError,
} from '@triptych/protocol';
import { downloadModel } from '../download-model.ts';
import { loginUrl, type Stack, startStack } from '../local/index.ts';
import type { ProgressDisplay } from '../progress.ts';
import { watchRun } from '../watch-run.ts';
import { type JourneyName, journeys } from './journeys.ts';
import { shownPredictions } from './predictions.ts';
import { type QuickstartReport, reportOf } from './report.ts';
import { registered, sampleImages } from './sample-dataset.ts';
import { secondsOf } from './stopwatch.ts';

export interface QuickstartOptions {
  readonly architecture: JourneyName;
  readonly workers: number;
  readonly steps?: number;
  readonly backend?: string;
  readonly seed?: number;
  readonly home: string;
  /** Spent on installing and building before this process began. */
  readonly installSeconds: number;
  readonly display: ProgressDisplay;
  readonly signal: AbortSignal;
}

export interface Quickstart {
  readonly stack: Stack;
  readonly report: QuickstartReport;
}

/** Resolves with the stack still up: the caller stops it. Whatever goes wrong, nothing is left running. */
export async function quickstart(options: QuickstartOptions): Promise<Quickstart> {
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  const { display, signal } = options;

  const { stack, images } = await prepare(options);
  try {
    const client = new TriptychClient({ url: stack.url, token: stack.token });
    display.line(
      `page      ${await loginUrl(stack, signal)}   (logs in once; API documentation at /docs, Prometheus at /metrics)`,
    );
    await cancelUnfinished(client, signal);
    for (const { name, format } of journeys[options.architecture].datasets)
      display.line(described(await registered({ client, path: images, name, format, signal })));
    const start = elapsed();

    const { id } = await client.runs.create(specOf(options), { signal });
    display.line(`run       ${id} submitted; the same as POST /v1/runs`);
    const run = await watchRun({ client, runId: id, display, signal });
    if (run.status !== 'SUCCEEDED') {
      throw new TriptychError(
        'ILLEGAL_STATE',
        `The run ended as ${run.status} (${run.reason}): ${run.message}. Logs: ${stack.logsPath}`,
      );
    }
    const weightsPath = await download({ client, run, folder: join(stack.home, 'models'), signal });
    const steps = await collect(client.runs.stepMetrics(id, { signal }));
    const predictions = await shownPredictions({ client, runId: id, signal });
    const seconds = secondsOf({ install: options.installSeconds, start, total: elapsed(), run, steps });
    return { stack, report: reportOf({ run, steps, weightsPath, seconds, predictions }) };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** The images are drawn while the processes start; where one fails, the other is ended. */
async function prepare(options: QuickstartOptions): Promise<{ stack: Stack; images: string }> {
  const { display, home, workers, backend } = options;
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const stack = startStack({
    home,
    workers,
    signal,
    ...(backend === undefined ? {} : { backend }),
    onEvent: ({ kind, process, seconds, expected }) => {
      if (kind === 'ready') display.line(`started   ${process} (${seconds?.toFixed(1)} s)`);
      if (kind === 'exited' && !expected)
        display.line(`ended     ${process}, unexpectedly: see its log in ${home}/logs`);
      if (kind === 'restarting') display.line(`restarts  ${process} in ${seconds} s`);
    },
  });
  const images = sampleImages({
    folder: join(home, 'datasets'),
    signal,
    onProgress: ({ done, total }) => display.update({ phase: 'drawing', step: done, totalSteps: total }),
  });
  try {
    return { stack: await stack, images: await images };
  } catch (error) {
    failure.abort(error);
    const [started] = await Promise.allSettled([stack, images]);
    if (started.status === 'fulfilled') await started.value.stop();
    throw error;
  }
}

/** What an earlier quickstart was killed in the middle of would go on, and take the workers from this one. */
async function cancelUnfinished(client: TriptychClient, signal: AbortSignal): Promise<void> {
  for (const run of await collect(client.runs.list({ signal }))) {
    if (isTerminal(run.status)) continue;
    await client.runs.cancel(run.id, { signal });
    await collect(client.runs.events(run.id, { signal }));
  }
}

function described({ name, splits, classNames }: Dataset): string {
  const of = (wanted: Split) => splits.find(({ split }) => split === wanted);
  const [train, test] = [of('train'), of('test')];
  const classes = classNames.length > 0 ? `, classes ${classNames.join(', ')}` : '';
  const several =
    train && train.samples > train.images
      ? ` with ${(train.samples / train.images).toFixed(0)} samples each`
      : '';
  return `dataset   ${name}: ${train?.images ?? 0} images to train on, ${test?.images ?? 0} held out${several}${classes}`;
}

function specOf({ architecture, workers, steps, seed }: QuickstartOptions): RunSpec {
  return {
    ...journeys[architecture].spec,
    ...(seed === undefined ? {} : { seed }),
    ...(steps === undefined ? {} : { duration: { steps } }),
    workers: { min: workers, max: workers },
  };
}

/** Path of model.safetensors, checked against its hash on the way. */
async function download(options: {
  readonly client: TriptychClient;
  readonly run: Run;
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<string> {
  const { client, run, signal } = options;
  const folder = join(options.folder, run.id);
  const model = await client.models.get(run.modelId!, { signal });
  await collect(downloadModel({ client, model, folder, signal }));
  return join(folder, 'model.safetensors');
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
