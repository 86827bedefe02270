/** Two launchers in one clone: the second waits until the first has prepared everything. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 200;

export async function withLock(path, work) {
  for (let told = false; !take(path); await delay(POLL_MS)) {
    if (!told)
      console.log(`Waiting for process ${ownerOf(path)}, which is installing or building in this clone ...`);
    told = true;
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    // A launcher that was killed left its lock behind.
    if (!isAlive(ownerOf(path))) rmSync(path, { force: true });
    return false;
  }
}

const ownerOf = (path) => {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
};

function isAlive(pid) {
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
