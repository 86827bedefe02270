/** What the NVIDIA driver calls the first GPU. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const DRIVER = '/proc/driver/nvidia/gpus';

/** `gpu` where the driver does not say. */
export function gpuName(folder = DRIVER): string {
  try {
    const [first] = readdirSync(folder).sort();
    const text = readFileSync(join(folder, first!, 'information'), 'utf8');
    return /^Model:\s*(.+)$/m.exec(text)?.[1]?.trim() || 'gpu';
  } catch {
    return 'gpu';
  }
}
