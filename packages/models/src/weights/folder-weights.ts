/**
 * The weights of a model folder, checked as a whole against its configuration before a number is read. The control plane at
 * import and every rank at the start of a run ask here, so both refuse the same. A PEFT adapter that lies beside the weights
 * belongs to them (`adapter/` is another matter: what we export has it merged already). Tensor-free.
 */
import {
  conversionOf,
  isPickleName,
  type OpenFile,
  openWeightFiles,
  type WeightFiles,
} from '@triptych/nn/safetensors';
import { TriptychError, type Violation } from '@triptych/protocol';
import type { ParameterTensor } from '../catalog/parameter-tensor.ts';
import { type AdaptedWeights, adaptedWeights } from './adapted-weights.ts';
import { type Dialect, isOneOf } from './dialect.ts';
import { fitViolations } from './fit.ts';
import { named } from './name-groups.ts';
import { type NamedWeights, weightsOfFiles } from './named-weights.ts';
import { openPeftAdapter } from './peft-adapter.ts';
import { PEFT_CONFIG } from './peft-config.ts';
import { translate } from './translate.ts';

/** Of an architecture's card. */
export interface WeightRules<C extends object> {
  readonly title: string;
  parameters(config: C): readonly ParameterTensor[];
  readonly folder: {
    readonly dialects: readonly Dialect[];
    readonly inMemory?: (weights: NamedWeights, config: C) => NamedWeights;
  };
}

export interface FolderWeights {
  readonly files: WeightFiles;
  /** Every file that the weights are made of: those of `files`, and the adapter's. */
  readonly paths: readonly string[];
  /** In canonical names: exactly the parameters of the configuration, an adapter merged. */
  readonly weights: NamedWeights;
  /** Both ways; absent where the folder has no adapter. */
  readonly adapted?: AdaptedWeights;
  readonly dialect: string;
  /** Sentences for the user: what was left out. */
  readonly notes: readonly string[];
}

/** Names that weights have in folders, most specific first. */
const WEIGHT_FILES = ['model.safetensors', 'open_clip_model.safetensors'];

/**
 * @throws TriptychError MODEL_INVALID with everything that is missing, wrongly shaped, unexpected or of another type.
 */
export async function openFolderWeights<C extends object>(
  open: OpenFile,
  {
    rules,
    config,
    otherFiles = [],
  }: { readonly rules: WeightRules<C>; readonly config: C; readonly otherFiles?: readonly string[] },
): Promise<FolderWeights> {
  const files = await openWeightFiles(open, WEIGHT_FILES);
  if (!files) throw unfit(rules.title, [noWeights(otherFiles)]);
  const parameters = rules.parameters(config);
  const wanted = new Set(parameters.flatMap(({ parts }) => parts.map(({ name }) => name)));
  const inFile = weightsOfFiles(files);
  const {
    dialect,
    weights: stored,
    unknown,
    clashes,
  } = translate(inFile, {
    dialects: rules.folder.dialects,
    wanted,
  });
  const weights = rules.folder.inMemory?.(stored, config) ?? stored;
  const [file] = files.paths as [string];
  const isLeftOut = (name: string) => !wanted.has(name) && isOneOf(dialect.leftOut, name);
  const isSpare = (name: string) => !wanted.has(name) && (isOneOf(dialect.spare, name) || isLeftOut(name));
  const violations = [...weights.keys()].some((name) => wanted.has(name))
    ? [
        ...clashes.map((clash) => twice(file, clash)),
        ...fitViolations(weights, {
          config,
          parameters: (changed) => rules.parameters(changed as C),
          isSpare,
          file,
        }),
      ]
    : [otherModel(file, { title: rules.title, names: [...inFile.keys()] })];
  if (violations.length > 0) throw unfit(rules.title, violations);
  const plain = new Map([...weights].filter(([name]) => wanted.has(name)));
  const peft = (await open(PEFT_CONFIG))
    ? await openPeftAdapter(open, {
        dialects: rules.folder.dialects,
        parameters: parameters.flatMap(({ parts }) => parts),
      })
    : undefined;
  const adapted = peft && adaptedWeights(plain, peft);
  return {
    files,
    paths: [...files.paths, ...(peft?.paths ?? [])],
    weights: adapted?.merged ?? plain,
    ...(adapted && { adapted }),
    dialect: dialect.name,
    notes: named([...unknown, ...[...weights.keys()].filter(isLeftOut)].map((name) => ({ name }))).map(
      ({ name, count }) =>
        `left out: ${name}${count > 1 ? ` (${count} tensors)` : ''}, which is no parameter of ${rules.title}`,
    ),
  };
}

/** Of a folder that has files of these names, but no weights that can be read. */
export function noWeights(otherFiles: readonly string[]): Violation {
  const pickle = otherFiles.find(isPickleName);
  return pickle
    ? {
        path: `/${pickle}`,
        expected: 'weights as safetensors',
        actual: 'a Python pickle, which could run code and is never read',
        remedy: `convert it:\n${conversionOf(pickle)}`,
      }
    : {
        path: '/model.safetensors',
        expected: 'a file',
        actual: 'nothing',
        remedy: 'save the model with save_pretrained(..., safe_serialization=True)',
      };
}

const twice = (
  file: string,
  { name, files }: { readonly name: string; readonly files: readonly string[] },
): Violation => ({
  path: `/${file}/${name}`,
  expected: 'one tensor',
  actual: `both ${files.join(' and ')}`,
  remedy: 'remove one of them',
});

const otherModel = (
  file: string,
  { title, names }: { readonly title: string; readonly names: readonly string[] },
): Violation => ({
  path: `/${file}`,
  expected: `the tensors of a ${title}`,
  actual:
    names.length === 0 ? 'no tensor' : `${names.length} others, such as ${names.slice(0, 3).join(', ')}`,
  remedy: 'use the weights of this config.json',
});

function unfit(title: string, violations: readonly Violation[]): TriptychError {
  const lines = violations
    .slice(0, 8)
    .map(
      ({ path, expected, actual, remedy }) =>
        `${path.slice(1)}: expected ${expected}, got ${actual}; ${remedy}`,
    );
  const more = violations.length > 8 ? ` | and ${violations.length - 8} more` : '';
  return new TriptychError(
    'MODEL_INVALID',
    `The weights are not those of this ${title}: ${lines.join(' | ')}${more}`,
    { violations },
  );
}
