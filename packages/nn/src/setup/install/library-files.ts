/** Which files of a TensorFlow distribution the addon is built from, by their paths. Reads nothing. */
import { posix } from 'node:path';
import { TriptychError } from '@triptych/protocol';

export type LibraryFile =
  | {
      readonly kind: 'library';
      readonly part: LibraryPart;
      readonly fileName: string;
      readonly version?: string;
    }
  /** `path` starts below `include/`. */
  | { readonly kind: 'header'; readonly path: string }
  /** Of a wheel: says which version it is. */
  | { readonly kind: 'metadata' };

/** The operations, and what they are built on. Their files are called differently in wheels and in archives of the C API. */
export type LibraryPart = 'tensorflow' | 'framework';

const LIBRARY = /^libtensorflow(?<part>_cc|_framework)?\.so(?:\.(?<version>\d+(?:\.\d+)*))?$/;
/** All that the addon includes, directly or not; a wheel has 11,000 headers. */
const HEADER =
  /(?:^|\/)include\/(?<path>(?:tensorflow\/(?:c|core\/platform|tsl\/platform)|tsl\/platform|xla\/tsl\/c)\/.+\.h)$/;
const METADATA = /(?:^|\/)tensorflow[^/]*\.dist-info\/METADATA$/;

/** What a regular file at `path` is for, undefined where the addon does not need it. */
export function libraryFileAt(path: string): LibraryFile | undefined {
  const fileName = posix.basename(path);
  const library = LIBRARY.exec(fileName)?.groups;
  if (library) {
    const part = library['part'] === '_framework' ? 'framework' : 'tensorflow';
    const version = library['version'];
    return {
      ...{ kind: 'library' as const, part, fileName },
      ...(version?.includes('.') && { version }),
    };
  }
  const header = HEADER.exec(path)?.groups?.['path'];
  if (header) return { kind: 'header', path: header };
  return METADATA.test(path) ? { kind: 'metadata' } : undefined;
}

/** True for a library of another operating system. */
export const isForeignLibrary = (path: string): boolean =>
  /^(libtensorflow.*\.dylib|tensorflow\.dll|_pywrap_tensorflow.*\.pyd)$/.test(posix.basename(path));

/** `Version:` of a wheel's METADATA. */
export const versionInMetadata = (text: string): string | undefined => /^Version:\s*(\S+)/m.exec(text)?.[1];

/** tfjs-node 4.22 was written against the C API of 2.9; that API only grows within version 2. */
export function assertSupportedVersion(version: string): void {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  if (major === 2 && minor >= 9) return;
  throw new TriptychError(
    'INVALID_INPUT',
    `the library is TensorFlow ${version}, and 2.9 or a later 2.x is needed; take the wheel of a current version`,
  );
}
