/**
 * Preloaded (`node --import`) into every process of the stack: when the parent goes, however it goes, so does this process.
 * The parent holds the other end of the IPC channel; the kernel closes it even after `kill -9`.
 */
import { isMainThread } from 'node:worker_threads';

const KILL_AFTER_MS = 8_000;

function parentIsGone(): void {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), KILL_AFTER_MS).unref();
}

// Worker threads inherit the --import, but not the channel.
if (isMainThread && process.send) {
  process.once('disconnect', parentIsGone);
  process.channel?.unref();
  if (!process.connected) parentIsGone();
}
