/** Installs the packages and builds the sources, each only where it is needed, one launcher at a time. */
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { loggedStep } from './logged-step.mjs';
import { at } from './repository.mjs';

const STAMP = at('node_modules', '.triptych-installed');

/** @returns {Promise<number>} seconds that installing and building took */
export async function prepare() {
  const started = performance.now();
  mkdirSync(at('.triptych', 'logs'), { recursive: true });
  await withLock(at('.triptych', 'prepare.lock'), async () => {
    if (!isInstalled()) await install();
    await build();
  });
  return (performance.now() - started) / 1000;
}

function isInstalled() {
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint()) return true;
  // Somebody ran npm by hand.
  const installed = statSync(at('node_modules', '.package-lock.json'), { throwIfNoEntry: false });
  return installed !== undefined && installed.mtimeMs >= statSync(at('package-lock.json')).mtimeMs;
}

/** Native packages belong to one platform; the rest is in the lock file. */
function fingerprint() {
  const lock = createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex');
  return `${lock} ${process.platform} ${process.arch}`;
}

async function install() {
  // Under `npm run` the same npm as the one that was called; otherwise the one on the path.
  const { npm_execpath: npm } = process.env;
  const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  await loggedStep({
    title: 'Installing packages (npm ci)',
    logPath: at('.triptych', 'logs', 'install.log'),
    program,
    parameters: [
      ...first,
      'ci',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=warn',
    ],
    env: { ...withWritableCache(process.env), npm_config_update_notifier: 'false' },
  });
  writeFileSync(STAMP, fingerprint());
}

function withWritableCache(env) {
  try {
    accessSync(homedir(), constants.W_OK);
    return env;
  } catch {
    return {
      ...env,
      npm_config_cache: env.npm_config_cache ?? join(tmpdir(), `triptych-npm-${process.getuid?.()}`),
    };
  }
}

/** turbo knows by content what is up to date: a second time costs half a second. */
function build() {
  return loggedStep({
    title: 'Building',
    quietBelowSeconds: 2,
    logPath: at('.triptych', 'logs', 'build.log'),
    program: at('node_modules', '.bin', 'turbo'),
    parameters: ['run', 'build', '--output-logs=errors-only', '--no-update-notifier'],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', FORCE_COLOR: '0' },
  });
}
