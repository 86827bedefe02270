/** The installer with a registry, a compiler and a self-test of a few lines; the real ones need a library that CI has not. */
import { lstat, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ProbeOptions, ProbeOutcome } from '../run-probe.ts';
import { scratchFolder, wheelFiles, writeTarGz, writeZip } from '../testing/distributions.ts';
import { type InstallOptions, installTensorflow } from './install.ts';
import { npmFailure, type RunNpm } from './npm.ts';
import { assertCanBuild, thisMachine } from './prerequisites.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let npmCalls: string[];
let probed: ProbeOptions[];

beforeEach(async () => {
  scratch = await scratchFolder();
  npmCalls = [];
  probed = [];
});
afterEach(() => scratch[Symbol.asyncDispose]());

const npm: RunNpm = async (args, { folder }) => {
  npmCalls.push(args.join(' '));
  if (args[0] === 'pack') {
    const manifest = {
      dependencies: { '@mapbox/node-pre-gyp': '1.0.9', 'google-protobuf': '^3', progress: '^2' },
    };
    await writeTarGz(join(folder, 'tensorflow-tfjs-node-4.22.0.tgz'), {
      'package/package.json': JSON.stringify(manifest),
      'package/dist/index.js': '',
    });
    return 'npm notice\n[{"filename": "tensorflow-tfjs-node-4.22.0.tgz"}]';
  }
  if (args[0] === 'run')
    await writeFile(join(folder, 'built'), await readFile(join(folder, 'deps/include/tensorflow/c/c_api.h')));
  return '';
};

const works = (version: string): ProbeOutcome => ({
  kind: 'works',
  description: {
    ...{ backend: 'tensorflow', device: 'cpu', threads: 1, gemm: 'tensorflow', precision: 'float32' },
    versions: { tensorflow: version },
  },
});

async function options(outcome: ProbeOutcome): Promise<InstallOptions & { readonly folder: string }> {
  return {
    library: await writeZip(join(scratch.path, 'tensorflow.whl'), wheelFiles()),
    folder: join(scratch.path, 'engine'),
    npm,
    machine: { ...thisMachine(), platform: 'linux', arch: process.arch, glibc: '2.36' },
    probe: async (request) => {
      probed.push(request);
      return outcome;
    },
  };
}

test('installs, builds and tries the package, then puts it in place', async () => {
  const chosen = await options(works('2.21.0'));
  const { engine, library } = await installTensorflow(chosen);
  expect(engine.device).toBe('cpu');
  expect(library.version).toBe('2.21.0');
  expect(npmCalls).toEqual([
    'pack @tensorflow/tfjs-node@4.22.0 --json --ignore-scripts',
    expect.stringMatching(/^install --no-save .*--ignore-scripts @mapbox\/node-pre-gyp@1\.0\.9 /),
    'run build-addon-from-source',
  ]);
  expect(probed[0]!.choice).toMatchObject({ backend: 'tensorflow', device: 'auto' });
  const addon = join(chosen.folder, 'node_modules/@tensorflow/tfjs-node');
  expect(await readFile(join(addon, 'built'), 'utf8')).toBe('// c_api');
  expect((await lstat(join(addon, 'deps/lib/libtensorflow_cc.so.2'))).isFile()).toBe(true);
  await expect(lstat(`${chosen.folder}.new`)).rejects.toThrow('ENOENT');
});

test('the package computes with the TensorFlow.js of this one, not with a copy', async () => {
  const { folder } = await installTensorflow(await options(works('2.21.0')));
  const here = createRequire(import.meta.url);
  const there = createRequire(join(folder, 'node_modules/@tensorflow/tfjs-node/dist/index.js'));
  for (const name of ['@tensorflow/tfjs/package.json', '@tensorflow/tfjs-core/package.json'])
    expect(await realpath(there.resolve(name))).toBe(await realpath(here.resolve(name)));
});

test('--gpu takes the other package and insists on a GPU', async () => {
  await installTensorflow({ ...(await options(works('2.21.0'))), gpu: true });
  expect(npmCalls[0]).toContain('@tensorflow/tfjs-node-gpu@4.22.0');
  expect(probed[0]!.choice.device).toBe('gpu');
});

test.each([
  ['does not work', { kind: 'crashed', message: 'its process was ended by SIGILL' }, 'SIGILL'],
  ['loads another library', works('2.9.1'), 'remove the other library from LD_LIBRARY_PATH'],
] as const)('what %s does not replace what was there', async (_what, outcome, message) => {
  const chosen = await options(outcome);
  await mkdir(chosen.folder);
  await writeFile(join(chosen.folder, 'old'), '');
  await expect(installTensorflow(chosen)).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringContaining(message),
  });
  expect((await lstat(join(chosen.folder, 'old'))).isFile()).toBe(true);
  await expect(lstat(`${chosen.folder}.new`)).rejects.toThrow('ENOENT');
});

test('every tool that is missing is named at once, before anything is touched', async () => {
  const machine = { platform: 'linux', arch: 'x64', glibc: '2.36', searchPath: scratch.path };
  const error = (await assertCanBuild(machine).catch((caught: unknown) => caught)) as TriptychError;
  expect(error).toBeInstanceOf(TriptychError);
  expect(error.violations.map(({ path, remedy }) => [path, remedy])).toEqual([
    ['g++', 'apt-get install g++'],
    ['make', 'apt-get install make'],
    ['python3', 'apt-get install python3'],
    ['npm', 'install the npm that belongs to this Node'],
  ]);
});

test.each([
  [{ platform: 'darwin', arch: 'arm64', glibc: undefined }, 'darwin on arm64'],
  [{ platform: 'linux', arch: 'ia32', glibc: '2.36' }, 'linux on ia32'],
  [{ platform: 'linux', arch: 'x64', glibc: undefined }, 'another C library'],
])('a platform that TensorFlow is not made for: %s', async (platform, actual) => {
  const machine = { ...thisMachine(), ...platform };
  await expect(assertCanBuild(machine)).rejects.toMatchObject({
    violations: expect.arrayContaining([
      expect.objectContaining({ actual: expect.stringContaining(actual) }),
    ]),
  });
});

test.each([
  ['npm error code ENOTFOUND\ngetaddrinfo ENOTFOUND registry.example', 'UNAVAILABLE', 'cannot be reached'],
  ['gyp ERR! request to https://nodejs.org/x failed, ENOTFOUND', 'BACKEND_UNAVAILABLE', 'nodedir'],
  ['npm error code E404', 'BACKEND_UNAVAILABLE', 'npm config get registry'],
  ['g++: internal compiler error', 'BACKEND_UNAVAILABLE', 'internal compiler error'],
])('npm says %j', (output, code, message) => {
  expect(npmFailure(['pack', 'x'], output)).toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});
