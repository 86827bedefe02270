/** Opens every image once: which are usable, and what their content is. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceSample } from '../formats/format.ts';
import { decodeImage } from '../image/decode.ts';
import { inOrder } from './in-order.ts';
import type { ProblemKind, ProblemLog } from './problems.ts';

export interface UsableSample extends SourceSample {
  /** Of the image file, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Larger files do not fit a pack. */
export const MAX_IMAGE_BYTES = 64 * 1024 * 1024;

/** Images decoded at the same time: as many as Node's pool has threads. */
const WIDTH = 4;

/** The samples whose image decodes completely, in their order; the others become problems. */
export async function survey(
  folder: string,
  samples: readonly SourceSample[],
  options: { problems: ProblemLog; signal: AbortSignal | undefined; onDone: (done: number) => void },
): Promise<UsableSample[]> {
  const usable: UsableSample[] = [];
  let done = 0;
  const examine = (sample: SourceSample) => examineImage(folder, sample);
  for await (const verdict of inOrder(samples, examine, { width: WIDTH, signal: options.signal })) {
    if ('kind' in verdict) options.problems.add(verdict.kind, verdict.example);
    else usable.push(verdict);
    done += 1;
    options.onDone(done);
  }
  return usable;
}

type Verdict = UsableSample | { kind: ProblemKind; example: string };

async function examineImage(folder: string, sample: SourceSample): Promise<Verdict> {
  let file: Uint8Array;
  try {
    file = await readFile(join(folder, sample.id));
  } catch (error) {
    return { kind: 'missing-image', example: `${sample.id}: ${(error as Error).message}` };
  }
  if (file.length > MAX_IMAGE_BYTES)
    return { kind: 'too-large', example: `${sample.id}: ${file.length} bytes` };
  try {
    await decodeImage(file);
  } catch (error) {
    const reason = notEvenAnImage(file) ?? (error as Error).message;
    return { kind: 'undecodable-image', example: `${sample.id}: ${reason}` };
  }
  return { ...sample, sha256: createHash('sha256').update(file).digest('hex'), bytes: file.length };
}

/** Download tools often save an error page under the image's name. */
function notEvenAnImage(file: Uint8Array): string | undefined {
  if (file.length === 0) return 'empty file';
  const start = Buffer.from(file.subarray(0, 256)).toString('latin1').trimStart();
  if (/^<(!doctype html|html|head|body)/i.test(start)) return 'an HTML page';
  return /^[{[]/.test(start) ? 'looks like JSON' : undefined;
}
