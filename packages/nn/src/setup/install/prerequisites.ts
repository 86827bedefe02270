/** What building the addon needs of this machine, looked at before anything is downloaded or copied. */
import { access, constants } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { TriptychError, type Violation } from '@triptych/protocol';

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Of the C library, undefined where it is not glibc. */
  readonly glibc: string | undefined;
  /** PATH. */
  readonly searchPath: string;
}

export const thisMachine = (): Machine => ({
  platform: process.platform,
  arch: process.arch,
  glibc: (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header
    ?.glibcVersionRuntime,
  searchPath: process.env['PATH'] ?? '',
});

/** Any program of a line will do. */
const TOOLS = [
  { names: ['g++', 'clang++', 'c++'], purpose: 'a C++ compiler', remedy: 'apt-get install g++' },
  { names: ['make', 'gmake'], purpose: 'make', remedy: 'apt-get install make' },
  { names: ['python3', 'python'], purpose: 'Python 3, for node-gyp', remedy: 'apt-get install python3' },
  { names: ['npm'], purpose: 'npm', remedy: 'install the npm that belongs to this Node' },
] as const;

/** INVALID_INPUT with all that is missing, and what to do about each, at once. */
export async function assertCanBuild(machine: Machine): Promise<void> {
  const violations: Violation[] = [];
  const { platform, arch, glibc } = machine;
  if (platform !== 'linux' || !['x64', 'arm64'].includes(arch))
    violations.push({
      path: 'platform',
      expected: 'linux on x64 or arm64',
      actual: `${platform} on ${arch}`,
      remedy: 'use the backend wasm or webgpu here',
    });
  else if (glibc === undefined)
    violations.push({
      path: 'platform',
      expected: 'a Linux with glibc',
      actual: 'another C library (Alpine?)',
      remedy: 'use a Debian image (node:20-bookworm)',
    });
  for (const { names, purpose, remedy } of TOOLS) {
    if (await isOnPath(names, machine.searchPath)) continue;
    violations.push({ path: names[0], expected: purpose, actual: 'none in PATH', remedy });
  }
  if (violations.length > 0)
    throw new TriptychError('INVALID_INPUT', 'the addon cannot be built here', { violations });
}

async function isOnPath(names: readonly string[], searchPath: string): Promise<boolean> {
  for (const folder of searchPath.split(delimiter).filter((part) => part !== '')) {
    for (const name of names) {
      const found = await access(join(folder, name), constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return true;
    }
  }
  return false;
}

/** The folder to build against where Node came with its headers, as its archives and images do; otherwise npm's choice. */
export async function nodeFolderWithHeaders(execPath = process.execPath): Promise<string | undefined> {
  const folder = dirname(dirname(execPath));
  return access(join(folder, 'include', 'node', 'node_api.h')).then(
    () => folder,
    () => undefined,
  );
}
