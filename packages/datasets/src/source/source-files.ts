/** The list of a source's files, arranged as folders, so that formats can look around without touching the source again. */
import type { ProblemLog } from '../pack/problems.ts';
import { readWhole, type Source } from './source.ts';

interface Folder {
  readonly files: string[];
  readonly folders: Set<string>;
}

/** Larger JSON is beyond the longest text of the engine. */
const MAX_JSON_BYTES = 500 * 1024 * 1024;

export class SourceFiles {
  readonly #source: Source;
  readonly #bytes = new Map<string, number>();
  /** By path with `/` at the end; '' is the whole. */
  readonly #folders = new Map<string, Folder>([['', { files: [], folders: new Set() }]]);

  private constructor(source: Source) {
    this.#source = source;
  }

  static async of(source: Source): Promise<SourceFiles> {
    const files = new SourceFiles(source);
    for await (const { path, bytes } of source.list()) files.#add(path, bytes);
    for (const { files: names } of files.#folders.values()) names.sort();
    return files;
  }

  has(path: string): boolean {
    return this.#bytes.has(path);
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
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
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

const asPrefix = (folder: string): string => (folder === '' || folder.endsWith('/') ? folder : `${folder}/`);
