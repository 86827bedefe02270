/** Which processor a shared library of Linux was built for: two fields of the ELF header (man 5 elf). */
import { open } from 'node:fs/promises';
import { TriptychError } from '@triptych/protocol';

const machines: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64' };

/** INVALID_INPUT where the file is no ELF library, or one for another processor than `arch` (Node's name). */
export async function assertBuiltFor(path: string, arch: string = process.arch): Promise<void> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(20), 0, 20, 0);
    if (bytesRead < 20 || buffer.toString('latin1', 0, 4) !== '\x7fELF')
      throw new TriptychError(
        'INVALID_INPUT',
        `${path} is no library for Linux; take the wheel or archive for Linux, and download it again if it was cut short`,
      );
    const machine = buffer.readUInt16LE(18);
    if (machines[machine] !== arch)
      throw new TriptychError(
        'INVALID_INPUT',
        `${path} is built for ${machines[machine] ?? `machine ${machine}`} and this Node for ${arch}; take the wheel or archive for Linux on ${arch}`,
      );
  } finally {
    await file.close();
  }
}
