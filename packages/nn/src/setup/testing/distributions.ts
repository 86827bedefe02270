/** TensorFlow distributions of a few bytes, laid out as the real ones are. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { create } from 'tar';

export type Files = Readonly<Record<string, string | Buffer>>;

/** The first bytes of a shared library: ELF, 64 bits, for this processor. */
export function elf(arch: 'x64' | 'arm64' = process.arch as 'x64'): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header.writeUInt16LE({ x64: 62, arm64: 183 }[arch], 18);
  return header;
}

export const wheelFiles = (version = '2.21.0'): Files => ({
  'tensorflow/libtensorflow_cc.so.2': elf(),
  'tensorflow/libtensorflow_framework.so.2': elf(),
  'tensorflow/include/tensorflow/c/c_api.h': '// c_api',
  'tensorflow/include/xla/tsl/c/tsl_status.h': '// tsl_status',
  'tensorflow/include/Eigen/Core.h': '// not needed',
  'tensorflow/__init__.py': '',
  [`tensorflow_cpu-${version}.dist-info/METADATA`]: `Metadata-Version: 2.4\nVersion: ${version}\n`,
});

export const archiveFiles = (version = '2.18.0'): Files => ({
  [`lib/libtensorflow.so.${version}`]: elf(),
  [`lib/libtensorflow_framework.so.${version}`]: elf(),
  'include/tensorflow/c/c_api.h': '// c_api',
});

export async function scratchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'triptych-setup-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export async function writeFolder(folder: string, files: Files): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** Packed with `./` before every path, as the official archives are. */
export async function writeTarGz(path: string, files: Files): Promise<string> {
  const folder = await writeFolder(`${path}.files`, files);
  await create({ file: path, cwd: folder, gzip: true }, ['.']);
  return path;
}

/** A zip without compression (APPNOTE.TXT 4.3): local headers, the directory, its end. */
export async function writeZip(path: string, files: Files): Promise<string> {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content);
    const sizes = [crc32(bytes), bytes.length, bytes.length] as const;
    const local = Buffer.concat([
      record(0x04034b50, [20, 0, 0, 0, 0], sizes, [name.length, 0]),
      Buffer.from(name),
    ]);
    directory.push(
      record(0x02014b50, [20, 20, 0, 0, 0, 0], sizes, [name.length, 0, 0, 0, 0], [0, offset]),
      Buffer.from(name),
    );
    parts.push(local, bytes);
    offset += local.length + bytes.length;
  }
  const index = Buffer.concat(directory);
  const count = Object.keys(files).length;
  const end = record(0x06054b50, [0, 0, count, count], [index.length, offset], [0]);
  await writeFile(path, Buffer.concat([...parts, index, end]));
  return path;
}

/** A signature, then groups that are alternately of 16 and of 32 bits. */
function record(signature: number, ...groups: readonly (readonly number[])[]): Buffer {
  const fields = groups.flatMap((group, i) => group.map((value) => ({ value, size: i % 2 === 0 ? 2 : 4 })));
  const buffer = Buffer.alloc(4 + fields.reduce((sum, { size }) => sum + size, 0));
  let at = buffer.writeUInt32LE(signature);
  for (const { value, size } of fields) at = buffer.writeUIntLE(value, at, size);
  return buffer;
}
