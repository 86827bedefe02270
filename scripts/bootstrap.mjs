/**
 * From a fresh clone to a running command with nothing but Node and npm: checks Node, installs and builds what is missing, runs.
 *
 *   node scripts/bootstrap.mjs quickstart [options]
 *   node scripts/bootstrap.mjs test [vitest arguments]
 *   node scripts/bootstrap.mjs cli [triptych arguments]
 *   node scripts/bootstrap.mjs bench collective|engine|generation|memory|scaling|scoring|soak [options]
 *
 * Uses Node's built-in modules only: it runs before anything is installed.
 */
import { assertNodeVersion } from './bootstrap/node-version.mjs';
import { prepare } from './bootstrap/prepare.mjs';
import { runToEnd } from './bootstrap/run-to-end.mjs';

const PARENT_WATCH = new URL('../apps/cli/dist/local/parent-watch.js', import.meta.url).href;

const benches = {
  collective: 'packages/collective/dist/bench/collective.js',
  engine: 'packages/models/dist/bench/engine.js',
  generation: 'packages/models/dist/bench/generation.js',
  memory: 'packages/training/dist/bench/memory.js',
  scaling: 'apps/cli/dist/bench/scaling.js',
  scoring: 'packages/scoring/dist/bench/scoring.js',
  soak: 'apps/cli/dist/bench/soak.js',
};

const commands = {
  quickstart: (rest) => ['--import', PARENT_WATCH, 'apps/cli/dist/main.js', 'quickstart', ...rest],
  cli: (rest) => ['apps/cli/dist/main.js', ...rest],
  test: (rest) => ['node_modules/vitest/vitest.mjs', 'run', ...rest],
  bench: ([name, ...rest]) => benches[name] && ['--import', PARENT_WATCH, benches[name], ...rest],
};

const [name = '', ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name](rest) : undefined;
if (!command) {
  console.error(
    `Usage: node scripts/bootstrap.mjs quickstart | test | cli | bench ${Object.keys(benches).join('|')} [options]`,
  );
  process.exit(2);
}
assertNodeVersion();
const seconds = await prepare();
process.exit(
  await runToEnd(process.execPath, command, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TRIPTYCH_INSTALL_SECONDS: seconds.toFixed(1) },
  }),
);
