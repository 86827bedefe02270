/** A folder on the machine of the control plane that somebody named: its files are opened once, checked, and closed together. */
import { readdir } from 'node:fs/promises';
import { RegularFile } from '@triptych/nn/safetensors';
import { TriptychError } from '@triptych/protocol';

/** The largest vocabularies have 20 MB. */
const MAX_TEXT_BYTES = 100_000_000;

export class ModelFolder implements AsyncDisposable {
  readonly path: string;
  /** Names of all entries, in order. */
  readonly entries: readonly string[];
  readonly #opened = new Map<string, Promise<RegularFile | undefined>>();

  private constructor(path: string, entries: readonly string[]) {
    this.path = path;
    this.entries = entries;
  }

  /** @throws TriptychError MODEL_INVALID where it is no folder. */
  static async open(path: string): Promise<ModelFolder> {
    try {
      return new ModelFolder(path, (await readdir(path)).sort());
    } catch (cause) {
      const violation = {
        path: '/path',
        expected: 'a folder that the control plane can read',
        actual:
          (cause as NodeJS.ErrnoException).code === 'ENOTDIR' ? `a file at ${path}` : `nothing at ${path}`,
        remedy: 'send the absolute path of a folder in Hugging Face layout',
      };
      const message = `Expected ${violation.expected}, got ${violation.actual}; ${violation.remedy}`;
      throw new TriptychError('MODEL_INVALID', message, { violations: [violation], cause });
    }
  }

  /** Undefined where there is none of this name. The folder closes it. @throws TriptychError MODEL_INVALID. */
  file(name: string): Promise<RegularFile | undefined> {
    const opened = this.#opened.get(name) ?? RegularFile.open(this.path, name);
    this.#opened.set(name, opened);
    return opened;
  }

  async text(name: string): Promise<string | undefined> {
    return (await this.file(name))?.text(MAX_TEXT_BYTES);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened.values()) await (await opened.catch(() => undefined))?.close();
  }
}
