/** The list of a source's files, arranged as folders, so that formats can look around without touching the source again. */
import type { ProblemLog } from '../pack/problems.ts';
import { parseJson } from './json-items.ts';
import { readWhole, type Source } from './source.ts';

interface Folder {
  readonly files: string[];
  readonly folders: Set<string>;
}

/** Of JSON that is read as a whole: larger files are read by `jsonItems`. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** A source's list does not change while it is read. */
const known = new WeakMap<Source, Promise<SourceFiles>>();

export class SourceFiles {
  readonly #source: Source;
  readonly #bytes = new Map<string, number>();
  /** By path with `/` at the end; '' is the whole. */
  readonly #folders = new Map<string, Folder>([['', { files: [], folders: new Set() }]]);

  /** Paths that are alike but for case and Unicode form, by what they have in common; made when it is asked for. */
  #alike: Map<string, string[]> | undefined;

  private constructor(source: Source) {
    this.#source = source;
  }

  static of(source: Source): Promise<SourceFiles> {
    const listed = known.get(source) ?? SourceFiles.#list(source);
    known.set(source, listed);
    return listed;
  }

  static async #list(source: Source): Promise<SourceFiles> {
    const files = new SourceFiles(source);
    for await (const { path, bytes } of source.list()) files.#add(path, bytes);
    for (const { files: names } of files.#folders.values()) names.sort();
    return files;
  }

  has(path: string): boolean {
    return this.#bytes.has(path);
  }

  /** Zero where there is no such file. */
  bytesOf(path: string): number {
    return this.#bytes.get(path) ?? 0;
  }

  /** The paths that differ from `path` in case or Unicode form at most. */
  alike(path: string): readonly string[] {
    if (!this.#alike) {
      this.#alike = new Map();
      for (const one of this.#bytes.keys()) {
        const key = essence(one);
        const others = this.#alike.get(key);
        if (others) others.push(one);
        else this.#alike.set(key, [one]);
      }
    }
    return this.#alike.get(essence(path)) ?? [];
  }

  /** All paths, in no promised order. */
  paths(): Iterable<string> {
    return this.#bytes.keys();
  }

  /** Names of the files directly in `folder` ('' or a path), sorted. */
  namesIn(folder: string): readonly string[] {
    return this.#folders.get(asPrefix(folder))?.files ?? [];
  }

  /** Names of the folders directly in `folder`, sorted. */
  foldersIn(folder: string): string[] {
    return [...(this.#folders.get(asPrefix(folder))?.folders ?? [])].sort();
  }

  /** Undefined, and a problem, where the file is no JSON. */
  async json(path: string, problems: ProblemLog): Promise<unknown> {
    try {
      const content = await readWhole(this.#source, path, MAX_JSON_BYTES);
      return parseJson(content);
    } catch (error) {
      problems.add('unreadable-annotations', `${path}: ${(error as Error).message}`);
      return undefined;
    }
  }

  #add(path: string, bytes: number): void {
    const parts = path.split('/');
    const name = parts.pop() as string;
    if (name !== '') this.#bytes.set(path, bytes);
    let prefix = '';
    for (const part of parts) {
      (this.#folders.get(prefix) as Folder).folders.add(part);
      prefix += `${part}/`;
      if (!this.#folders.has(prefix)) this.#folders.set(prefix, { files: [], folders: new Set() });
    }
    if (name !== '') (this.#folders.get(prefix) as Folder).files.push(name);
  }
}

const essence = (path: string): string => path.normalize('NFC').toLowerCase();

const asPrefix = (folder: string): string => (folder === '' || folder.endsWith('/') ? folder : `${folder}/`);
