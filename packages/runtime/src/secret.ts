/** Secrets of a process: told by a variable, or by one that names a file, as the secrets of container platforms are. */
import { readFileSync } from 'node:fs';
import { invalidInput, show } from '@triptych/protocol';

const FORM = /^[\x21-\x7e]{32,200}$/;

/**
 * The value of `name`, or what is in the file of `name_FILE` without the blanks around it; undefined where neither is set.
 * `INVALID_INPUT` where both are, where the file cannot be read, or where it has no secret; the secret itself is never repeated.
 */
export function readSecret(environment: object, name: string): string | undefined {
  const { [name]: value, [`${name}_FILE`]: file } = environment as Readonly<
    Record<string, string | undefined>
  >;
  if (value !== undefined && file !== undefined)
    throw wrong(`${name}_FILE`, {
      expected: `nothing beside ${name}`,
      actual: show(file),
      remedy: 'set one of the two',
    });
  if (value !== undefined) {
    if (!FORM.test(value))
      throw wrong(name, { expected: EXPECTED, actual: describe(value), remedy: 'choose another one' });
    return value;
  }
  if (file === undefined) return undefined;
  let content: string;
  try {
    content = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const actual = `${show(file)} (${(error as NodeJS.ErrnoException).code})`;
    throw wrong(`${name}_FILE`, { expected: 'a file that can be read', actual, remedy: 'correct the path' });
  }
  if (!FORM.test(content))
    throw wrong(`${name}_FILE`, {
      expected: `a file with ${EXPECTED}`,
      actual: describe(content),
      remedy: 'write another one there',
    });
  return content;
}

const EXPECTED = 'a secret of 32 to 200 visible ASCII characters';

const describe = (secret: string): string => `${secret.length} characters`;

const wrong = (path: string, problem: { expected: string; actual: string; remedy: string }) =>
  invalidInput('environment', [{ path, ...problem }]);
