/** Files that a command line names: what is not there, or is not what it should be, is said with what to do about it. */
import { readFile } from 'node:fs/promises';
import { show, TriptychError } from '@triptych/protocol';

export interface InputFile {
  readonly path: string;
  /** `the run spec`. */
  readonly what: string;
  /** For whoever has no such file. */
  readonly remedy: string;
}

/** @throws TriptychError INVALID_INPUT where it cannot be read. */
export async function readInput({ path, what, remedy }: InputFile): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const problem = problems[(cause as NodeJS.ErrnoException).code ?? ''];
    if (!problem) throw cause;
    throw new TriptychError('INVALID_INPUT', `Cannot read ${what}: ${path} ${problem}; ${remedy}`, { cause });
  }
}

/** @throws TriptychError also MALFORMED_BODY, where it is not JSON, or not of this form. */
export async function readJson(
  file: InputFile,
  expected: { readonly form: string; readonly fits: (value: unknown) => boolean },
): Promise<unknown> {
  const text = (await readInput(file)).toString('utf8');
  const malformed = (problem: string, cause?: unknown) =>
    new TriptychError('MALFORMED_BODY', `${file.path}: ${problem}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(`it is not JSON (${(cause as Error).message}); ${file.remedy}`, cause);
  }
  if (expected.fits(value)) return value;
  throw malformed(`expected ${expected.form}, got ${show(value)}; ${file.remedy}`);
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a folder',
  EACCES: 'may not be read by you',
  EPERM: 'may not be read by you',
};
