/** Where a run starts: a preset's random weights, or the files of a base model. The same on every rank, nothing is sent. */
import { isDeepStrictEqual } from 'node:util';
import type { Dataset } from '@triptych/datasets';
import {
  type AdaptedWeights,
  type Architecture,
  architectureOf,
  composedConfig,
  composedFiles,
  composedWeights,
  type FolderFiles,
  type Method,
  type ModelFactory,
  openFolderWeights,
  presets,
  sourceOf,
  towerViolations,
  type WeightSource,
} from '@triptych/models';
import { invalidInput, type ResolvedRunSpec, TriptychError } from '@triptych/protocol';
import { type ArtifactStore, readFileList } from '@triptych/storage';
import { configForRun, type RunToConfigure } from '../catalog/run-config.ts';
import { objectives } from '../objectives/registry.ts';
import { artifactFiles } from './artifact-files.ts';
import { continuedWeights } from './continued-adapter.ts';
import { trainTexts } from './train-texts.ts';

export interface StartingPoint {
  readonly architecture: Architecture;
  readonly factory: ModelFactory;
  readonly config: object;
  readonly files: FolderFiles;
  /** Of every parameter, an adapter merged, or A and B besides where the run goes on with it; nothing is read before it is asked for. */
  readonly weights: WeightSource;
  /** Both ways, where the model came with an adapter. */
  readonly adapted?: AdaptedWeights;
  /** How a head begins that `weights` do not have, but for zeros. */
  readonly head?: Method['head'];
}

export interface StartingPointOptions {
  readonly spec: ResolvedRunSpec;
  readonly datasets: readonly Dataset[];
  readonly store: ArtifactStore;
  readonly modelArtifact?: string | undefined;
  readonly towerArtifacts?: Readonly<Record<string, string>> | undefined;
}

/**
 * A preset's weights come from the run's seed, and its vocabulary is learnt from the texts of the train split.
 * @throws TriptychError MODEL_INVALID, NOT_FOUND, ARTIFACT_CORRUPT.
 */
export async function startingPoint(options: StartingPointOptions): Promise<StartingPoint> {
  const { spec, store, modelArtifact, datasets } = options;
  const towers = await openTowers(options);
  if (!modelArtifact) return await fromPreset(options, towers);
  const opened = await openModel(store, modelArtifact);
  const base = { ...opened, weights: continuedWeights(opened, spec) ?? opened.weights };
  return withTowers(forRun(base, { ...spec, classNames: classNamesOf(datasets) }), { towers, spec });
}

const classNamesOf = (datasets: readonly Dataset[]) => datasets[0]?.manifest.classNames ?? [];

async function openTowers({ store, towerArtifacts = {} }: StartingPointOptions): Promise<Towers> {
  const towers: Record<string, StartingPoint> = {};
  for (const [name, artifact] of Object.entries(towerArtifacts))
    towers[name] = await openModel(store, artifact);
  return towers;
}

type Towers = Readonly<Record<string, StartingPoint>>;

/** Parameters whose shape follows from a tower that is not the model's own are drawn anew. */
function withTowers(
  start: StartingPoint,
  { towers, spec }: { readonly towers: Towers; readonly spec: ResolvedRunSpec },
): StartingPoint {
  if (Object.keys(towers).length === 0) return start;
  const { architecture, factory } = start;
  assertTowers(architecture, towers);
  const config = composedConfig(architecture, start.config, towers);
  const shapesOf = (of: object) =>
    new Map(
      architecture
        .parameters(of)
        .flatMap(({ parts }) => parts.map(({ name, shape }) => [name, shape.join(' x ')])),
    );
  const [before, after] = [shapesOf(start.config), shapesOf(config)];
  const initial = factory.initialWeights(config, spec.seed);
  const origin = (name: string) => (before.get(name) === after.get(name) ? start.weights : initial);
  const rest: WeightSource = {
    has: (name) => origin(name).has(name),
    read: (name) => origin(name).read(name),
  };
  return {
    ...start,
    config,
    weights: composedWeights(architecture, towers, rest),
    files: composedFiles(architecture, towers, start.files),
  };
}

/** The control plane has checked it before; an artifact may still be that of another model. */
function assertTowers(architecture: Architecture, towers: Towers): void {
  const names = Object.entries(towers).map(([name, tower]) => [name, tower.architecture.name] as const);
  const violations = towerViolations(architecture, Object.fromEntries(names));
  if (violations.length > 0) throw invalidInput('run', violations);
}

async function fromPreset({ spec, datasets }: StartingPointOptions, towers: Towers): Promise<StartingPoint> {
  const { model, seed, method } = spec;
  const preset = presets.get(model);
  if (!preset)
    throw new TriptychError(
      'MODEL_INVALID',
      `"${model}" is no preset and comes without files; presets are ${[...presets.keys()].join(', ')}`,
    );
  const { architecture } = preset;
  const factory = await architecture.load();
  assertTowers(architecture, towers);
  const own = configForRun(preset, { ...spec, classNames: classNamesOf(datasets) });
  const config = composedConfig(architecture, own, towers);
  const files = factory.initialFiles(config, trainTexts(datasets));
  return {
    architecture,
    factory,
    config,
    weights: composedWeights(architecture, towers, factory.initialWeights(config, seed)),
    files: composedFiles(architecture, towers, files),
    head: architecture.methods[method]!.head,
  };
}

/** A model's files in Hugging Face layout. */
export async function openModel(store: ArtifactStore, artifact: string): Promise<StartingPoint> {
  const { files } = await readFileList(store, artifact);
  const contentOf = async (path: string) => {
    const file = files.find((one) => one.path === path);
    if (file) return await store.get(file.sha256);
    const present = files.map((one) => one.path).join(', ');
    throw new TriptychError('MODEL_INVALID', `The model has no ${path}; its files are ${present}`);
  };
  const json = parsed('config.json', await contentOf('config.json'));
  const architecture = architectureOf(json);
  const factory = await architecture.load();
  const config = architecture.parseConfig(json);
  const wanted = new Set([...architecture.folder.required.flat(), ...architecture.folder.optional]);
  const texts: Record<string, string> = {};
  for (const { path } of files)
    if (wanted.has(path) && path !== 'config.json') texts[path] = text(await contentOf(path));
  const { weights, adapted } = await openFolderWeights(artifactFiles(store, files), {
    rules: architecture,
    config,
  });
  const opened = { architecture, factory, config, files: texts, weights: sourceOf(weights) };
  return adapted ? { ...opened, adapted } : opened;
}

const text = (content: Uint8Array) => new TextDecoder().decode(content);

function parsed(path: string, content: Uint8Array): unknown {
  try {
    return JSON.parse(text(content));
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', `${path} is not JSON`, { cause });
  }
}

/**
 * The parameters of the loss belong to the loss: a model trained with another one gets this one's, at their initial values.
 * So does a head: it stays where the classes are the same, begins anew where they are others, and goes with the methods that
 * do not train it.
 */
function forRun(start: StartingPoint, run: RunToConfigure & { readonly seed: number }): StartingPoint {
  const { architecture, factory } = start;
  const config = configForRun(start, run);
  const namesOf = (of: object) =>
    architecture.parameters(of).flatMap(({ parts }) => parts.map(({ name }) => name));
  const bare = (of: object) => architecture.forClasses?.(of, undefined) ?? of;
  const [before, after] = [namesOf(bare(start.config)), namesOf(bare(config))];
  const isSameLoss = before.join() === after.join();
  const head = namesOf(config).filter((name) => !after.includes(name));
  const isSameHead = isDeepStrictEqual(architecture.forClasses?.(start.config, run.classNames), start.config);
  if (isSameLoss && head.length === 0) return { ...start, config: bare(start.config) };
  if (isSameLoss && isSameHead) return start;
  const scalars = isSameLoss ? [] : Object.keys(objectives[run.objective.kind]?.scalars ?? {});
  const drawn = new Set([...scalars, ...(isSameHead ? [] : head)]);
  const initial = factory.initialWeights(config, run.seed);
  const origin = (name: string) => (drawn.has(name) ? initial : start.weights);
  return {
    ...start,
    config,
    weights: { has: (name) => origin(name).has(name), read: (name) => origin(name).read(name) },
    ...(isSameHead ? {} : { head: architecture.methods[run.method]!.head }),
  };
}
