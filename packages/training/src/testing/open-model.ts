/** Models opened as a run opens them, from a preset or from given weights. */
import {
  type Architecture,
  type FolderFiles,
  flatSource,
  type Model,
  type ModelFactory,
} from '@triptych/models';
import { ParameterLayout } from '@triptych/nn';
import { defaultsOf } from '../catalog/resolve-run-spec.ts';
import { trainedGroups } from '../catalog/trained-tensors.ts';

export interface ModelToOpen {
  readonly architecture: Architecture;
  readonly config: object;
  readonly method?: string;
  /** All parameters, in the order of the card; absent: drawn from `seed`. */
  readonly weights?: Float32Array;
  readonly seed?: number;
  readonly texts?: readonly string[];
  readonly inputs?: Readonly<Record<string, unknown>>;
}

export async function openModel(what: ModelToOpen): Promise<Model> {
  const { architecture, config, seed = 2, texts = ['a red square', 'a blue circle'] } = what;
  const { method = Object.keys(architecture.methods)[0]! } = what;
  const factory: ModelFactory = await architecture.load();
  const tensors = architecture.parameters(config);
  const files: FolderFiles = factory.initialFiles(config, texts);
  const { adapts } = architecture.methods[method]!;
  return await factory.open({
    config,
    tensors,
    ...trainedGroups({ architecture }, { method }),
    adapter: adapts && { rank: 4, alpha: 8, dropout: 0, rankStabilised: false },
    weights: what.weights
      ? flatSource(new ParameterLayout(tensors), what.weights)
      : factory.initialWeights(config, seed),
    files,
    memory: 'keep',
    inputs: { ...defaultsOf(architecture.inputs), ...what.inputs },
    seed,
  });
}
