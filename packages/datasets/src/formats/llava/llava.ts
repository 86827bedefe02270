/**
 * LLaVA's instruction files (https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md): JSON lists or JSON lines of
 * `{ id, image | images, conversations: [{ from, value }] }` in the folder itself or in `llava/`; images where the entries say, from the
 * folder or from `images/`. The split is in the file's name; a file that names none is train.
 */
import { extname } from 'node:path';
import type { Split } from '@triptych/protocol';
import type { Role, Turn } from '../../content.ts';
import type { ProblemLog } from '../../pack/problems.ts';
import { type SourceSample, sampleFault } from '../../sample.ts';
import { jsonItems } from '../../source/json-items.ts';
import type { Source } from '../../source/source.ts';
import { SourceFiles } from '../../source/source-files.ts';
import type { DatasetReader } from '../format.ts';
import { imageLocator } from '../image-locator.ts';
import { splitIn } from '../split-name.ts';

export const llava: DatasetReader = {
  name: 'llava',
  layout: 'a JSON list of { id, image, conversations: [{ from, value }] }, and images',

  async detect(source) {
    for (const path of instructionFiles(await SourceFiles.of(source)))
      if (await beginsAsInstructions(source, path)) return true;
    return false;
  },

  async *read(source, problems) {
    const files = await SourceFiles.of(source);
    const locate = imageLocator(files, ['', 'images']);
    const times = new Map<string, number>();
    for (const path of instructionFiles(files)) {
      if (!(await beginsAsInstructions(source, path))) continue;
      const split = splitIn(path.slice(path.lastIndexOf('/') + 1)) ?? 'train';
      let position = 0;
      for await (const item of itemsOf(source, path, problems)) {
        const name = `entry ${position} of ${path}`;
        position += 1;
        const sample = toSample(item, { split, name, locate, problems });
        if (sample) yield { ...sample, id: uniqueId(sample.id, times) };
      }
    }
  },
};

/** What an entry calls the speakers. */
const roles: Readonly<Record<string, Role>> = {
  system: 'system',
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
};

const instructionFiles = (files: SourceFiles): string[] =>
  ['', 'llava'].flatMap((place) =>
    files
      .namesIn(place)
      .filter((name) => ['.json', '.jsonl'].includes(extname(name)))
      .map((name) => (place === '' ? name : `${place}/${name}`)),
  );

/** The first value has conversations; no more of the file is read. */
async function beginsAsInstructions(source: Source, path: string): Promise<boolean> {
  try {
    for await (const item of jsonItems(source, path))
      return Array.isArray((item as Entry | null)?.conversations);
  } catch {
    // Another format's file, or a broken one, which the format that is chosen reports.
  }
  return false;
}

async function* itemsOf(source: Source, path: string, problems: ProblemLog): AsyncGenerator<unknown> {
  try {
    yield* jsonItems(source, path);
  } catch (error) {
    problems.add('unreadable-annotations', `${path}: ${(error as Error).message}`);
  }
}

interface Entry {
  readonly id?: unknown;
  readonly image?: unknown;
  readonly images?: unknown;
  readonly conversations?: unknown;
}

function toSample(
  item: unknown,
  context: { split: Split; name: string; locate: ReturnType<typeof imageLocator>; problems: ProblemLog },
): SourceSample | undefined {
  const { split, name, locate, problems } = context;
  const { id, image, images = image ?? [], conversations } = (item ?? {}) as Entry;
  const turns = turnsOf(conversations);
  const names: unknown[] = [images].flat();
  if (typeof turns === 'string' || !names.every((one) => typeof one === 'string')) {
    problems.add(
      'malformed-sample',
      `${name}: ${typeof turns === 'string' ? turns : 'an image that is no path'}`,
    );
    return undefined;
  }
  const located = (names as string[]).map(locate);
  const paths = located.flatMap((one) => ('path' in one ? [one] : []));
  const lost = located.findIndex((one) => 'fault' in one);
  if (lost >= 0) {
    problems.add((located[lost] as { fault: 'missing-image' }).fault, `${names[lost]} (${name})`);
    return undefined;
  }
  const known = typeof id === 'string' || typeof id === 'number' ? String(id) : name;
  const sample: SourceSample = { id: known, split, images: paths, content: { kind: 'conversation', turns } };
  const fault = sampleFault(sample);
  if (fault !== undefined) problems.add('malformed-sample', `${name}: ${fault}`);
  return fault === undefined ? sample : undefined;
}

/** Or what is wrong with them. */
function turnsOf(conversations: unknown): Turn[] | string {
  if (!Array.isArray(conversations)) return 'no conversations';
  const turns: Turn[] = [];
  for (const turn of conversations as ({ from?: unknown; value?: unknown } | null)[]) {
    const from = String(turn?.from);
    const role = Object.hasOwn(roles, from) ? roles[from] : undefined;
    if (!role || typeof turn?.value !== 'string') return `a turn of "${from}" that cannot be read`;
    turns.push({ role, text: turn.value });
  }
  return turns;
}

/** Published files use the id of the image, several times. */
function uniqueId(id: string, times: Map<string, number>): string {
  const count = (times.get(id) ?? 0) + 1;
  times.set(id, count);
  return count === 1 ? id : `${id}#${count}`;
}
