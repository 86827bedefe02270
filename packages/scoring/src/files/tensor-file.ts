/** Tensors that a score reads by name, with everything that is wrong with them. */
import { counted, type ProblemLog, shown } from './problems.ts';
import { type NamedTensor, type ScoreFile, Tensors } from './score-file.ts';

export interface TensorWish {
  readonly name: string;
  /** Names of its dimensions: "[images, width]". */
  readonly dimensions: readonly string[];
}

/** Undefined where it is not there, which is a problem, or has another number of dimensions. */
export function wantedTensor(
  file: ScoreFile,
  wish: TensorWish,
  problems: ProblemLog,
): NamedTensor | undefined {
  const { name, dimensions } = wish;
  const found = tensorIn(file, name);
  const expected = `a tensor "${name}" [${dimensions.join(', ')}]`;
  if (found && found.shape.length === dimensions.length && found.values.length > 0) return found;
  const has = file.content instanceof Tensors ? counted(file.content.names, 'tensor') : shown(file.content);
  const actual = found ? `one of shape [${found.shape.join(', ')}]` : has;
  problems.add({
    path: file.name,
    expected,
    actual,
    remedy: 'save it under that name and in that shape as safetensors',
  });
  return undefined;
}

export const tensorIn = ({ content }: ScoreFile, name: string): NamedTensor | undefined =>
  content instanceof Tensors ? content.get(name) : undefined;

export const float32 = ({ values }: NamedTensor): Float32Array =>
  values instanceof Float32Array ? values : Float32Array.from(values);

/** Whole numbers from 0 to below `count`; undefined where some are not, which is a problem. */
export function indices(
  { values }: NamedTensor,
  of: { readonly file: ScoreFile; readonly name: string; readonly count: number },
  problems: ProblemLog,
): Int32Array | undefined {
  const { file, name, count } = of;
  const wrong: string[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value) || value < 0 || value >= count) wrong.push(`${value} at ${i}`);
  }
  if (wrong.length === 0) return Int32Array.from(values);
  const expected = `whole numbers from 0 to ${count - 1} in "${name}"`;
  problems.add({
    path: file.name,
    expected,
    actual: counted(wrong, 'other'),
    remedy: 'give the index of what each belongs to',
  });
  return undefined;
}

/** A problem where two numbers that belong together differ. */
export function agree(
  [first, second]: readonly [number | undefined, number | undefined],
  of: { readonly file: ScoreFile; readonly what: string },
  problems: ProblemLog,
): void {
  if (first === undefined || second === undefined || first === second) return;
  const expected = `${of.what}: ${second}`;
  problems.add({
    path: of.file.name,
    expected,
    actual: `${first}`,
    remedy: 'give files of the same samples',
  });
}
