/** A file that the user named: looked at before it is read, so that a pipe hangs nobody and a device fills no memory. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { invalidInput, show, TriptychError } from '@triptych/protocol';

export interface NamedFile {
  readonly path: string;
  /** What named it: an option of the command line. */
  readonly option: string;
  /** What it should be: "a picture file". */
  readonly what: string;
  readonly limitBytes: number;
  /** For whoever has no such file. */
  readonly remedy: string;
}

/** @throws TriptychError INVALID_INPUT where it cannot be read, is no regular file, is empty, or is too large. */
export async function readNamedFile(named: NamedFile): Promise<Buffer> {
  const { path, option, what, limitBytes } = named;
  const file = await opened(named);
  try {
    const stats = await file.stat();
    const refuse = (actual: string, remedy: string) =>
      invalidInput('command line', [
        {
          path: option,
          expected: `${what} of at most ${limitBytes / 2 ** 20} MiB`,
          actual: `${path} ${actual}`,
          remedy,
        },
      ]);
    if (stats.isDirectory()) throw unreadable(named, 'is a folder');
    if (!stats.isFile()) throw refuse('that is no regular file', 'save it as a file first');
    if (stats.size === 0 || stats.size > limitBytes)
      throw refuse(`with ${stats.size} bytes`, 'choose another file, or make it smaller');
    const content = Buffer.alloc(stats.size);
    let filled = 0;
    while (filled < content.length) {
      const { bytesRead } = await file.read(content, filled, content.length - filled, filled);
      if (bytesRead === 0) throw refuse('that became shorter while it was read', 'try again');
      filled += bytesRead;
    }
    return content;
  } finally {
    await file.close();
  }
}

/** @throws TriptychError also MALFORMED_BODY, where it is not JSON, or not of this form. */
export async function readNamedJson(
  named: NamedFile,
  expected: { readonly form: string; readonly fits: (value: unknown) => boolean },
): Promise<unknown> {
  const text = (await readNamedFile(named)).toString('utf8');
  const malformed = (problem: string, cause?: unknown) =>
    new TriptychError('MALFORMED_BODY', `${named.path}: ${problem}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(`it is not JSON (${(cause as Error).message}); ${named.remedy}`, cause);
  }
  if (expected.fits(value)) return value;
  throw malformed(`expected ${expected.form}, got ${show(value)}; ${named.remedy}`);
}

async function opened(named: NamedFile) {
  try {
    // Opening a pipe would wait for its other end.
    return await open(named.path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    const problem = problems[(cause as NodeJS.ErrnoException).code ?? ''];
    if (!problem) throw cause;
    throw unreadable(named, problem, cause);
  }
}

const unreadable = ({ path, what, remedy }: NamedFile, problem: string, cause?: unknown) =>
  new TriptychError('INVALID_INPUT', `Cannot read ${what}: ${path} ${problem}; ${remedy}`, { cause });

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by you',
  EPERM: 'may not be read by you',
};
