/**
 * One folder per class: `<split>/<class>/*.jpg`, or `<class>/*.jpg` where there are no splits (all of it is train then).
 * The class name is the folder's with `_` as space; the captions are the plain zero-shot prompts filled with it, so that a model
 * trained on them knows the sentences it is asked with.
 */
import { type Split, TriptychError } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import { SourceFiles } from '../../source/source-files.ts';
import { zeroShotPrompts } from '../../text/prompts.ts';
import type { DatasetReader } from '../format.ts';
import { hasImageExtension } from '../image-extension.ts';
import { splitNamed } from '../split-name.ts';

export const classFolders: DatasetReader = {
  name: 'class-folders',
  layout: '<split>/<class>/<image> or <class>/<image>, two classes at least',

  async detect(source) {
    const files = await SourceFiles.of(source);
    const filled = classesIn(files).filter(({ path }) => files.namesIn(path).some(hasImageExtension));
    const names = [...new Set(filled.map(({ name }) => name))];
    return names.length > 1
      ? {
          reason: `folders of images, such as ${names.slice(0, 2).join(' and ')}, could be classes`,
          by: 'shaped',
        }
      : undefined;
  },

  async *read(source, { problems }) {
    const files = await SourceFiles.of(source);
    const classes = classesIn(files, problems);
    reportCollisions(classes, problems);
    const names = new Set<string>();
    for (const entry of classes)
      for (const sample of readClass(files, entry, problems)) {
        names.add(entry.name);
        yield sample;
      }
    if (names.size === 1)
      throw new TriptychError(
        'DATASET_INVALID',
        `The folder has only the class "${[...names]}": expected at least two folders of images; give the folder that holds the class folders, or add captions`,
      );
  },
};

/** The name that captions and prompts use for a class folder. */
export const classNameOf = (folder: string): string => folder.replaceAll('_', ' ').trim();

interface ClassFolder {
  /** In the source. */
  readonly path: string;
  readonly name: string;
  readonly split: Split;
}

function classesIn(files: SourceFiles, problems?: ProblemLog): ClassFolder[] {
  const top = files.foldersIn('');
  const reportStray = (place: string) => {
    for (const name of files.namesIn(place))
      if (hasImageExtension(name))
        problems?.add('image-without-class', place === '' ? name : `${place}/${name}`);
  };
  reportStray('');
  const splits = top.filter((name) => splitNamed(name));
  if (splits.length === 0)
    return top.map((name) => ({ path: name, name: classNameOf(name), split: 'train' }));
  for (const name of top) if (!splits.includes(name)) problems?.add('ignored-folder', name);
  return splits.flatMap((folderName) => {
    reportStray(folderName);
    const split = splitNamed(folderName) as Split;
    return files
      .foldersIn(folderName)
      .map((name) => ({ path: `${folderName}/${name}`, name: classNameOf(name), split }));
  });
}

/** `polar_bear` and `polar bear` are one class, which may not be what their owner meant. */
function reportCollisions(classes: readonly ClassFolder[], problems: ProblemLog): void {
  const known = new Map<string, string>();
  for (const { path, name, split } of classes) {
    const other = known.get(`${split} ${name}`);
    if (other) problems.add('same-class', `${path} and ${other} are both the class "${name}"`);
    else known.set(`${split} ${name}`, path);
  }
}

function* readClass(
  files: SourceFiles,
  { path, split, name: className }: ClassFolder,
  problems: ProblemLog,
): Generator<SourceSample> {
  const texts = zeroShotPrompts(className, 'plain');
  for (const folder of files.foldersIn(path)) problems.add('ignored-folder', `${path}/${folder}`);
  let count = 0;
  for (const name of files.namesIn(path)) {
    const id = `${path}/${name}`;
    if (!hasImageExtension(name)) {
      problems.add('not-an-image-file', id);
      continue;
    }
    count += 1;
    yield { id, split, images: [{ path: id }], content: { kind: 'captions', texts }, className };
  }
  if (count === 0) problems.add('empty-class', path);
}
