/** From the one setting that says where artifacts live to the store. */
import { fileURLToPath } from 'node:url';
import { invalidInput, show } from '@triptych/protocol';
import type { CollectableStore } from './artifact-store.ts';
import { folderStore } from './folder-store.ts';

/** `file:///absolute/folder`. The folder is made on the first write. */
export function openStore(url: string): CollectableStore {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'file:' || parsed.host !== '') {
    throw invalidInput('artifacts URL', [
      { path: '', expected: 'a URL like file:///path', actual: show(url), remedy: 'use file:///path' },
    ]);
  }
  return folderStore(fileURLToPath(parsed));
}
