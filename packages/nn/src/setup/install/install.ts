/**
 * `triptych engine install`: the native TensorFlow, from a library that the user has and a package from npm. Everything
 * is built beside the old installation, tried there, and put in its place only when it has multiplied a matrix.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import type { EngineDescription } from '../../engine/engine.ts';
import { DEFAULT_ENGINE_FOLDER } from '../../engine/tensorflow-package.ts';
import { type Probe, runProbe } from '../run-probe.ts';
import { buildAddon, fetchAddonPackage, tensorflowJsVersion } from './addon-package.ts';
import { type UnpackedLibrary, unpackLibrary } from './library.ts';
import { type RunNpm, runNpm } from './npm.ts';
import { assertCanBuild, type Machine, thisMachine } from './prerequisites.ts';

export interface InstallOptions {
  /** A TensorFlow wheel, an archive of libtensorflow, or a folder with what is in them. */
  readonly library: string;
  /** Takes the package for GPUs: a GPU that is not there is then an error, here and later. */
  readonly gpu?: boolean;
  /** `.triptych/engine` in the checkout by default. */
  readonly folder?: string;
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Replaced in tests. */
  readonly npm?: RunNpm;
  readonly machine?: Machine;
  readonly probe?: Probe;
}

export interface Installation {
  readonly folder: string;
  readonly library: UnpackedLibrary;
  /** Of the self-test. */
  readonly engine: EngineDescription;
}

const SELF_TEST_TIMEOUT_MS = 180_000;

/** Errors name what is missing and the remedy. An installation that was there stays until the new one works. */
export async function installTensorflow(options: InstallOptions): Promise<Installation> {
  const { gpu = false, onProgress = () => {}, signal, npm = runNpm, machine = thisMachine() } = options;
  const folder = resolve(options.folder ?? DEFAULT_ENGINE_FOLDER);
  const name = gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  const staging = `${folder}.new`;
  const cancel = signal && { signal };
  await assertCanBuild(machine);
  try {
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    onProgress(`unpacking ${options.library}`);
    const deps = join(staging, 'deps');
    const library = await unpackLibrary(resolve(options.library), deps, { arch: machine.arch });
    for (const [path, sum] of Object.entries(library.checksums)) onProgress(`sha256 ${sum}  ${path}`);
    onProgress(
      `TensorFlow ${library.version ?? '(the library does not say which)'} for Node ${process.versions.node}`,
    );

    onProgress(`fetching ${name}@${tensorflowJsVersion()} from npm`);
    const addon = await fetchAddonPackage({ name, folder: staging, npm, ...cancel });
    await rename(deps, join(addon, 'deps'));
    onProgress('compiling the addon');
    await buildAddon(addon, { npm, ...cancel });

    onProgress('testing it in a process of its own');
    const engine = await selfTest(staging, { gpu, probe: options.probe ?? runProbe, ...cancel });
    assertSameVersion(library, engine);
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
    return { folder, library, engine };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Multiplies a known matrix on the new installation. */
async function selfTest(
  engineFolder: string,
  { gpu, probe, signal }: { readonly gpu: boolean; readonly probe: Probe; readonly signal?: AbortSignal },
): Promise<EngineDescription> {
  const outcome = await probe({
    choice: { backend: 'tensorflow', engineFolder, device: gpu ? 'gpu' : 'auto' },
    seconds: 0,
    timeoutMs: SELF_TEST_TIMEOUT_MS,
    ...(signal && { signal }),
  });
  if (outcome.kind === 'works') return outcome.description;
  throw new TriptychError('BACKEND_UNAVAILABLE', `it was built, but does not work: ${outcome.message}`);
}

/** Another library than the one that was unpacked can come first, through LD_LIBRARY_PATH. */
function assertSameVersion({ version }: UnpackedLibrary, { versions }: EngineDescription): void {
  const loaded = versions?.['tensorflow'];
  if (version === undefined || release(loaded) === release(version)) return;
  throw new TriptychError(
    'BACKEND_UNAVAILABLE',
    `TensorFlow ${version} was unpacked, but ${loaded} was loaded; remove the other library from LD_LIBRARY_PATH`,
  );
}

/** Without what follows the three numbers: a wheel writes 2.21.0rc1, the library 2.21.0-rc1. */
const release = (version: string | undefined): string | undefined =>
  /^\d+\.\d+\.\d+/.exec(version ?? '')?.[0];
