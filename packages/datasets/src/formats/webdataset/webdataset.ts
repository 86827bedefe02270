/**
 * WebDataset shards (https://github.com/webdataset/webdataset): tars, also gzipped, in which the members of a sample follow each other
 * and have one key, the path up to the first dot of the name. An image (`jpg`, `png`, `jpeg`, `webp`, ...) goes with `txt`, or with
 * `json` that has a caption; `cls` is left alone. `sizes.json` says how many samples a shard has.
 */
import { basename, posix } from 'node:path';
import { finding } from '../../pack/problems.ts';
import type { ImageSource, SourceSample } from '../../sample.ts';
import { parseJson } from '../../source/json-items.ts';
import type { Source } from '../../source/source.ts';
import { SourceFiles } from '../../source/source-files.ts';
import { isSystemFile } from '../../source/system-file.ts';
import { type TarMember, tarMembers } from '../../source/tar-members.ts';
import { acceptedTexts } from '../accepted-texts.ts';
import type { DatasetReader, Reading } from '../format.ts';
import { hasImageExtension } from '../image-extension.ts';
import { splitIn } from '../split-name.ts';

/** A larger image does not fit a pack, and a text has less. */
const MAX_MEMBER_BYTES = 64 * 1024 * 1024;
const CAPTIONS = ['caption', 'text', 'captions', 'title'];

export const webdataset: DatasetReader = {
  name: 'webdataset',
  layout: 'tar shards (.tar, .tar.gz, .tgz) whose samples are an image and a txt or json of one key',

  async detect(source) {
    const [path] = shardsOf(await SourceFiles.of(source));
    return path === undefined ? undefined : { reason: `${path} is a tar shard`, by: 'named' };
  },

  async *read(source, reading) {
    const files = await SourceFiles.of(source);
    const shards = shardsOf(files);
    for (const path of shards) reading.expect(files.bytesOf(path));
    const counts = new Map<string, number>();
    for (const path of shards) {
      const split = splitIn(path) ?? 'train';
      let count = 0;
      for await (const group of groupsOf(source, path, { size: files.bytesOf(path), reading })) {
        count += 1;
        const sample = await sampleOf(group, reading);
        if (sample) yield { ...sample, split };
      }
      counts.set(path, count);
    }
    await checkSizes(files, counts, reading);
  },
};

const shardsOf = (files: SourceFiles): string[] =>
  [...files.paths()].filter((path) => /\.(tar|tar\.gz|tgz)$/i.test(path)).sort();

interface Group {
  readonly where: string;
  readonly image?: ImageSource;
  readonly text?: Uint8Array;
  readonly json?: Uint8Array;
}

/** Members of one key that follow each other; those that are no part of a sample are left out and said. */
async function* groupsOf(
  source: Source,
  shard: string,
  { size, reading }: { size: number; reading: Reading },
): AsyncGenerator<Group> {
  const { problems } = reading;
  let group: (Group & { readonly key: string; readonly seen: Set<string> }) | undefined;
  try {
    for await (const member of tarMembers(source, shard, { size, limit: MAX_MEMBER_BYTES })) {
      const { key, extension } = partsOf(member.path);
      const where = `${shard}/${member.path}`;
      const fault = memberFault(member);
      if (fault !== undefined) problems.add('unsafe-member', `${where}: ${fault}`);
      if (fault !== undefined || member.type === 'Directory' || /^__.*__$/.test(basename(member.path)))
        continue;
      if (key === '') {
        problems.add('system-file', where);
        continue;
      }
      if (!member.bytes) {
        problems.add('too-large', `${where}: expected at most ${MAX_MEMBER_BYTES} bytes, got ${member.size}`);
        continue;
      }
      if (!group || group.key !== key || group.seen.has(extension)) {
        if (group) yield group;
        group = { key, where: `${shard}/${key}`, seen: new Set() };
      }
      group.seen.add(extension);
      group = { ...group, ...(await partOf({ source, shard, member, extension, reading })) };
    }
  } catch (error) {
    // What came before is whole: a sample that lacks a part now is said to.
    problems.add('unreadable-archive', `${shard}: ${(error as Error).message}`);
  }
  if (group) yield group;
}

async function partOf(at: {
  source: Source;
  shard: string;
  member: TarMember;
  extension: string;
  reading: Reading;
}): Promise<Partial<Group>> {
  const { source, shard, member, extension, reading } = at;
  const { offset, size: length } = member;
  const bytes = member.bytes as Uint8Array;
  const path = `${shard}/${member.path}`;
  if (hasImageExtension(`.${extension}`) || hasImageExtension(member.path)) {
    const image = shard.toLowerCase().endsWith('.tar')
      ? { path, read: () => source.read(shard, { offset, length }) }
      : await reading.keep(path, bytes);
    return { image };
  }
  if (extension === 'txt') return { text: bytes };
  return extension === 'json' ? { json: bytes } : {};
}

function memberFault({ path, type }: TarMember): string | undefined {
  if (type !== 'File' && type !== 'Directory') return `expected a regular file, got ${type}`;
  if (posix.isAbsolute(path) || /^[a-z]:/i.test(path) || path.split(/[\\/]/).includes('..'))
    return 'expected a relative name without ".."';
  return undefined;
}

/** As WebDataset cuts names: `a/b.c/0001.seg.png` is `a/b.c/0001` and `seg.png`. No key: what belongs to no sample. */
function partsOf(path: string): { readonly key: string; readonly extension: string } {
  const name = basename(path);
  const dot = name.indexOf('.');
  if (dot <= 0 || isSystemFile(name)) return { key: '', extension: '' };
  return {
    key: path.slice(0, path.length - name.length + dot).replace(/^\.\//, ''),
    extension: name.slice(dot + 1).toLowerCase(),
  };
}

async function sampleOf(
  { where, image, text, json }: Group,
  { problems }: Reading,
): Promise<Omit<SourceSample, 'split'> | undefined> {
  if (!image || !(text ?? json)) {
    const lacks = image ? 'a txt or json beside its image' : 'an image';
    problems.add('incomplete-member', `${where}: expected ${lacks}, got none`);
    return undefined;
  }
  try {
    const captions = text
      ? [new TextDecoder('utf-8', { fatal: true }).decode(text)]
      : captionsIn(json as Uint8Array);
    const texts = acceptedTexts(captions, { problems, where });
    return texts && { id: where, images: [image], content: { kind: 'captions', texts } };
  } catch (error) {
    problems.add(
      'unreadable-entry',
      `${where}: ${error instanceof SyntaxError ? error.message : 'it is not UTF-8'}`,
    );
    return undefined;
  }
}

function captionsIn(json: Uint8Array): unknown[] {
  const fields = parseJson(json) as Readonly<Record<string, unknown>> | null;
  const name = CAPTIONS.find((one) => typeof fields === 'object' && fields !== null && one in fields);
  return name === undefined ? [] : [fields?.[name]].flat();
}

/** Every shard that `sizes.json` names is there, with as many samples. */
async function checkSizes(
  files: SourceFiles,
  counts: ReadonlyMap<string, number>,
  { problems }: Reading,
): Promise<void> {
  for (const path of files.paths()) {
    if (basename(path) !== 'sizes.json') continue;
    const sizes = await files.json(path, problems);
    for (const [name, size] of Object.entries((sizes ?? {}) as Record<string, unknown>)) {
      const shard = posix.join(posix.dirname(path), name);
      const count = counts.get(shard);
      if (count !== size)
        problems.add(
          'shard-count',
          finding(shard, `${size} samples, as ${path} says`, count ?? 'no such shard'),
        );
    }
  }
}
