/**
 * Writes everything that is generated and committed: the gRPC stubs from the .proto files and the Prisma client from
 * prisma/schema.prisma. Needs no network; CI runs it and fails where the tree changes.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binaries = join(root, 'node_modules', '.bin');

function run(command, parameters, options = {}) {
  execFileSync(join(binaries, command), parameters, {
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: options.cwd ?? root,
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}`, ...options.env },
  });
}

/**
 * Prisma downloads its schema engine before it generates, though generating does not use it. An executable that answers
 * `--version` and refuses everything else keeps it offline; one that accepted everything would make `db push` lie.
 */
function withoutSchemaEngine(generate) {
  const folder = mkdtempSync(join(tmpdir(), 'triptych-generate-'));
  const engine = join(folder, 'schema-engine');
  writeFileSync(
    engine,
    '#!/bin/sh\n[ "$1" = "--version" ] && echo "schema-engine-cli 0" && exit 0\nexit 1\n',
  );
  chmodSync(engine, 0o755);
  try {
    generate({
      PRISMA_SCHEMA_ENGINE_BINARY: engine,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

run('buf', ['generate', 'proto'], { cwd: join(root, 'packages', 'protocol') });
withoutSchemaEngine((env) => run('prisma', ['generate', '--no-hints'], { env }));
execFileSync(process.execPath, [join(root, 'packages', 'nn', 'scripts', 'compile-kernels.mjs')], {
  stdio: 'inherit',
  cwd: root,
});
