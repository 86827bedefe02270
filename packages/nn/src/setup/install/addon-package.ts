/** tfjs-node out of the npm registry, without its install script: that one downloads a library of 2022, and for the GPU empties deps/. */
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { TensorflowPackageName } from '../../engine/tensorflow-package.ts';
import type { NpmOptions, RunNpm } from './npm.ts';
import { nodeFolderWithHeaders } from './prerequisites.ts';
import { unpack } from './unpack.ts';

export interface AddonOptions {
  readonly name: TensorflowPackageName;
  /** The folder that gets a node_modules; it exists. */
  readonly folder: string;
  readonly npm: RunNpm;
  readonly signal?: AbortSignal;
}

/** What its main module needs besides TensorFlow.js; the others serve its install script. */
const NEEDED = ['@mapbox/node-pre-gyp', 'google-protobuf', 'progress'];

const require = createRequire(import.meta.url);

/** Of TensorFlow.js here, and so of the addon. */
export const tensorflowJsVersion = (): string =>
  (require('@tensorflow/tfjs-core/package.json') as { version: string }).version;

/** Puts the package of this TensorFlow.js' version into the folder, not built yet. Resolves to where it lies. */
export async function fetchAddonPackage({ name, folder, npm, signal }: AddonOptions): Promise<string> {
  const options: NpmOptions = { folder, ...(signal && { signal }) };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ private: true })}\n`);
  const packed = await npm(
    ['pack', `${name}@${tensorflowJsVersion()}`, '--json', '--ignore-scripts'],
    options,
  );
  const archive = join(folder, fileNameIn(packed));
  const unpacked = join(folder, 'package');
  await unpack(archive, (path) => join(folder, path));
  await rm(archive);

  const manifest = JSON.parse(await readFile(join(unpacked, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const dependencies = NEEDED.map((needed) => `${needed}@${manifest.dependencies[needed]}`);
  await npm(['install', '--no-save', '--no-package-lock', '--ignore-scripts', ...dependencies], options);

  const target = join(folder, 'node_modules', name);
  await mkdir(dirname(target), { recursive: true });
  await rename(unpacked, target);
  await linkTensorflowJs(dirname(target));
  return target;
}

/** Compiles the addon against the package's deps/ and leaves only what running it takes. */
export async function buildAddon(
  folder: string,
  { npm, signal }: Pick<AddonOptions, 'npm' | 'signal'>,
): Promise<void> {
  const nodeFolder = await nodeFolderWithHeaders();
  await npm(['run', 'build-addon-from-source'], {
    folder,
    ...(nodeFolder !== undefined && { env: { npm_config_nodedir: nodeFolder } }),
    ...(signal && { signal }),
  });
  await rm(join(folder, 'build'), { recursive: true, force: true });
  await rm(join(folder, 'deps', 'include'), { recursive: true, force: true });
}

/**
 * The addon has to register its backend with the TensorFlow.js that this package computes with, not with a copy: Node
 * resolves a link to where it leads, and so both load the same files. Relative, so that a copied checkout works.
 */
async function linkTensorflowJs(scope: string): Promise<void> {
  for (const name of ['tfjs', 'tfjs-core']) {
    const ours = dirname(require.resolve(`@tensorflow/${name}/package.json`));
    await symlink(relative(scope, ours), join(scope, name));
  }
}

/** `npm pack --json` prints a list, or since npm 11 an object by name; other lines may come before it. */
function fileNameIn(printed: string): string {
  const [, name] = /"filename":\s*"([^"]+)"/.exec(printed) ?? [];
  if (name === undefined) throw new Error(`npm pack printed no file name: ${printed}`);
  return name.replace('@', '').replace('/', '-');
}
