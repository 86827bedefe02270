/**
 * Compiles assembly/ to WebAssembly and writes it, as base64, to src/generated/kernels.ts, which is committed: tests run
 * from the sources, and an installed package needs no compiler. Run it after every change in assembly/; a test
 * compiles again and compares.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(folder, 'src', 'generated', 'kernels.ts');

/** The content of the generated file. Throws with the compiler's messages. */
export async function compileKernels() {
  let binary;
  const { error, stderr } = await asc.main(
    [
      'assembly/index.ts',
      ...['--baseDir', folder, '--outFile', 'kernels.wasm'],
      ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort='],
      ...['--enable', 'simd', '--importMemory', '--noExportMemory'],
    ],
    { writeFile: (_name, contents) => (binary = contents) },
  );
  if (error) throw new Error(`assembly/ does not compile: ${error.message}\n${stderr.toString()}`);
  assertNoData(binary);
  const base64 = Buffer.from(binary).toString('base64');
  return `// Written by scripts/compile-kernels.mjs from assembly/; do not edit.\nexport const kernelsBase64 =\n  '${base64}';\n`;
}

/** A data segment would be copied over the memory of TensorFlow.js when the module starts. */
function assertNoData(binary) {
  const dataSection = 11;
  for (let at = 8; at < binary.length; ) {
    const id = binary[at++];
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      length |= (binary[at] & 0x7f) << shift;
      more = binary[at++] > 0x7f;
    }
    if (id === dataSection) throw new Error('assembly/ has static data; the kernels must be pure functions');
    at += length;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await compileKernels());
