/** One table: what is wrong with a folder, and the finding a user reads for it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { describe, expect, test } from 'vitest';
import { packDataset } from '../pack/pack-dataset.ts';
import { coco, folderWith, png } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';

const pictures = await Promise.all(Array.from({ length: 8 }, (_, n) => png(n)));
const [one, two, three, four] = pictures as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** A tar of members: name, bytes, and what is unusual. */
function tar(members: readonly (readonly [string, Uint8Array | string, object?])[], end = true): Buffer {
  const blocks = members.flatMap(([path, content, other = {}]) => {
    const bytes = Buffer.from(content);
    const header = Buffer.alloc(512);
    new Header({ path, size: bytes.length, mode: 0o644, type: 'File', mtime: new Date(0), ...other }).encode(
      header,
      0,
    );
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]);
}

/** PNG with the size of its header changed, its checksum too. */
function huge(side: number): Uint8Array {
  const file = Buffer.from(one);
  file.writeUInt32BE(side, 16);
  file.writeUInt32BE(side, 20);
  let crc = 0xffffffff;
  for (const byte of file.subarray(12, 29)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  file.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 29);
  return file;
}

interface Case {
  readonly what: string;
  readonly files: Record<string, unknown>;
  readonly prepare?: (path: string) => void;
  readonly samples: number;
  /** Kinds with their counts and what the first example says. */
  readonly found: Record<string, readonly [number, string]>;
  readonly format?: string;
}

const annotations = 'annotations/captions_train.json';
const base = { 'images/a.png': one, 'images/b.png': two };
const withCoco = (
  what: string,
  json: unknown,
  samples: number,
  found: Case['found'],
  files: object = base,
): Case => ({
  what: `coco: ${what}`,
  files: { ...files, [annotations]: json },
  samples,
  found,
});
const good = coco({ 'a.png': ['one'], 'b.png': ['two'] });
const named = (name: string) => coco({ 'a.png': ['one'], 'b.png': ['two'], [name]: ['three'] });
const captioned = (caption: unknown) => coco({ 'a.png': ['one', caption], 'b.png': ['two'] });
const entry = (n: number, list = 'images') => `${annotations}, ${list} entry ${n} (line 1)`;
const classes = (what: string, file: string, content: Uint8Array | string, found: Case['found']): Case => ({
  what: `classes: ${what}`,
  files: { 'x/1.png': one, 'y/2.png': two, [file]: content },
  samples: 2,
  found,
});
const table = (what: string, text: string | Uint8Array, samples: number, found: Case['found']): Case => ({
  what: `csv: ${what}`,
  files: { 'img/a.png': one, 'img/b.png': two, 'pairs.tsv': text },
  samples,
  found,
});
const rows = 'filepath\ttitle\nimg/a.png\tone\nimg/b.png\ttwo\n';
const lines = (what: string, more: string | Buffer, samples: number, found: Case['found']): Case => ({
  what: `chat: ${what}`,
  files: { 'a.png': one, 'b.png': two, 'chat.jsonl': Buffer.concat([Buffer.from(said), Buffer.from(more)]) },
  samples,
  found,
});
const chat = (content: unknown, more: object = {}) =>
  `${JSON.stringify({
    messages: [
      { role: 'user', content },
      { role: 'assistant', content: 'yes' },
    ],
    ...more,
  })}\n`;
const said = chat('hello') + chat('<image>what?', { images: ['a.png'] });
const pair = [
  ['1.png', one],
  ['1.txt', 'one'],
  ['2.png', two],
  ['2.txt', 'two'],
] as const;
const shard = (
  what: string,
  content: Uint8Array,
  samples: number,
  found: Case['found'],
  name = '0.tar',
): Case => ({
  what: `tar: ${what}`,
  files: { [name]: content },
  samples,
  found,
});

const cases: readonly Case[] = [
  withCoco(
    'two images with one id',
    {
      images: [
        { id: 1, file_name: 'a.png' },
        { id: 1, file_name: 'b.png' },
        { id: 2, file_name: 'c.png' },
        { id: 3, file_name: 'd.png' },
      ],
      annotations: [1, 1, 2, 3].map((image_id) => ({ image_id, caption: 'x' })),
    },
    2,
    { 'repeated-id': [2, `${entry(1)}: expected an id of its own, got 1, the id of "a.png" and "b.png"`] },
    { ...base, 'images/c.png': three, 'images/d.png': four },
  ),
  withCoco('NUL in a name', named('a\0b.png'), 2, {
    'missing-image': [1, `${entry(3)}: expected an image in the folder, got "a\\u0000b.png"`],
  }),
  withCoco('lone surrogate in a name', named('a\ud800.png'), 2, { 'missing-image': [1, '"a\\ud800.png"'] }),
  withCoco(
    'backslash',
    coco({ 'x\\a.png': ['one'], 'b.png': ['two'] }),
    2,
    {},
    { 'images/x/a.png': one, 'images/b.png': two },
  ),
  withCoco('./', coco({ './a.png': ['one'], 'b.png': ['two'] }), 2, {}),
  withCoco(
    '//',
    coco({ 'x//a.png': ['one'], 'b.png': ['two'] }),
    2,
    {},
    { 'images/x/a.png': one, 'images/b.png': two },
  ),
  withCoco(
    'NFD against NFC',
    coco({ 'cafe\u0301.png': ['one'], 'b.png': ['two'] }),
    2,
    {},
    { 'images/caf\u00e9.png': one, 'images/b.png': two },
  ),
  withCoco(
    'NFD and NFC both there',
    coco({ 'a\u0301\u0327.png': ['one'], 'b.png': ['two'], 'c.png': ['x'] }),
    2,
    { 'ambiguous-image': [1, 'there are'] },
    {
      'images/\u00e1\u0327.png': one,
      'images/a\u0327\u0301.png': three,
      'images/b.png': two,
      'images/c.png': four,
    },
  ),
  withCoco(
    '%20',
    named('c%20d.png'),
    2,
    { 'missing-image': [1, 'got "c%20d.png"; there is "images/c d.png"'] },
    { ...base, 'images/c d.png': three },
  ),
  withCoco(
    'other case',
    named('C.PNG'),
    2,
    { 'missing-image': [1, 'got "C.PNG"; there is "images/c.png"'] },
    { ...base, 'images/c.png': three },
  ),
  withCoco('path out of the folder', named('../../etc/passwd'), 2, {
    'outside-folder': [1, 'got "../../etc/passwd"'],
  }),
  withCoco('backslashes out of the folder', named('..\\..\\etc\\passwd'), 2, {
    'outside-folder': [1, 'passwd'],
  }),
  withCoco('absolute path', named('/etc/passwd'), 2, { 'outside-folder': [1, 'got "/etc/passwd"'] }),
  withCoco('path with a drive', named('C:\\data\\a.png'), 2, { 'outside-folder': [1, 'C:'] }),
  withCoco('address', named('https://example.com/a.png'), 2, {
    'remote-image': [1, 'expected a path in the folder, got "https://example.com/a.png"'],
  }),
  withCoco('file address', named('file:///etc/passwd'), 2, { 'remote-image': [1, 'file:///etc/passwd'] }),
  withCoco('no name', named(''), 2, { 'missing-image': [1, 'got ""'] }),
  withCoco('empty caption', captioned(' \n'), 2, {
    'empty-caption': [1, `${entry(1)}: "a.png": expected a caption, got " \\n"`],
  }),
  withCoco('null as caption', captioned(null), 2, { 'empty-caption': [1, 'got null'] }),
  withCoco('a number as caption', captioned(42), 2, { 'empty-caption': [1, 'got 42'] }),
  withCoco('a list as caption', captioned(['x']), 2, { 'empty-caption': [1, 'got ["x"]'] }),
  withCoco('NaN as caption', JSON.stringify(captioned('@')).replace('"@"', 'NaN'), 2, {
    'empty-caption': [1, 'got NaN'],
  }),
  withCoco('NaN elsewhere', JSON.stringify({ ...good, area: '@' }).replace('"@"', '-Infinity'), 2, {}),
  withCoco(
    'only an empty caption',
    coco({ 'a.png': ['one'], 'b.png': ['two'], 'c.png': [''] }),
    2,
    { 'no-caption': [1, 'expected a caption, got ""'] },
    { ...base, 'images/c.png': three },
  ),
  withCoco('special token', captioned('cat <|endoftext|> dog'), 2, {
    'special-token': [1, '<|endoftext|> in "cat <|endoftext|> dog"'],
  }),
  withCoco('end of a sentence as text', captioned('cat </s>'), 2, { 'special-token': [1, '</s>'] }),
  withCoco('image tag as text', captioned('see <image>'), 2, { 'special-token': [1, '<image>'] }),
  withCoco('NUL in a caption', captioned('a\0b'), 2, { 'damaged-text': [1, 'a\\u0000b'] }),
  withCoco('lone surrogate in a caption', captioned('\ud83d lone'), 2, { 'damaged-text': [1, '\\ud83d'] }),
  withCoco(
    'ids as text',
    {
      ...good,
      annotations: [
        { image_id: 0, caption: 'one' },
        { image_id: 1, caption: 'two' },
        { image_id: '1', caption: 'x' },
      ],
    },
    2,
    { 'id-of-another-type': [1, 'expected captions of image_id 1, got "1"'] },
  ),
  withCoco(
    'caption of no image',
    { ...good, annotations: [...good.annotations, { image_id: 9, caption: 'x' }] },
    2,
    { 'caption-without-image': [1, 'expected an image with the id 9, got none'] },
  ),
  withCoco(
    'image listed twice',
    {
      ...good,
      images: [...good.images, { id: 5, file_name: 'a.png' }],
      annotations: [...good.annotations, { image_id: 5, caption: 'x' }],
    },
    2,
    { 'duplicate-image': [1, 'images/a.png is listed twice'] },
  ),
  withCoco(
    'duplicate key',
    JSON.stringify(good).replace('"caption":"one"', '"caption":"zero","caption":"one"'),
    1,
    {
      'unreadable-entry': [1, `${entry(1, 'annotations')}: the key "caption" is there twice`],
      'no-caption': [1, '"a.png"'],
    },
    { ...base },
  ),
  withCoco('an entry that is no object', { ...good, annotations: [...good.annotations, 7] }, 2, {
    'unreadable-entry': [1, 'expected an object in annotations, got 7'],
  }),
  withCoco('cut off', JSON.stringify(good).slice(0, -2), 1, {
    'unreadable-annotations': [1, 'the file is cut off'],
    'no-caption': [1, '"b.png"'],
  }),
  withCoco('byte order mark', `\uFEFF${JSON.stringify(good)}`, 2, {}),
  withCoco('line ends of Windows', JSON.stringify(good, null, 1).replaceAll('\n', '\r\n'), 2, {}),
  withCoco('missing file', named('gone.png'), 2, { 'missing-image': [1, 'got "gone.png"'] }),
  classes('HTML page', 'x/3.jpg', '<!DOCTYPE html>', { 'undecodable-image': [1, 'got an HTML page'] }),
  classes('SVG', 'x/3.png', '<svg xmlns="http://www.w3.org/2000/svg"/>', {
    'undecodable-image': [1, 'got an SVG drawing'],
  }),
  classes('JSON', 'x/3.png', '{"error":404}', { 'undecodable-image': [1, 'got JSON'] }),
  classes('empty image', 'x/3.png', '', { 'undecodable-image': [1, 'got an empty file'] }),
  classes('truncated PNG', 'x/3.png', three.subarray(0, 60), {
    'undecodable-image': [1, 'the PNG is truncated'],
  }),
  classes('30,000 x 30,000 pixels', 'x/3.png', huge(30_000), {
    'too-large': [1, 'expected at most 25000000 pixels, got 30000 x 30000'],
  }),
  classes('AppleDouble', 'x/._1.png', 'x', { 'system-file': [1, 'x/._1.png'] }),
  classes('Thumbs.db', 'x/Thumbs.db', 'x', { 'system-file': [1, 'x/Thumbs.db'] }),
  classes('a text among images', 'x/notes.txt', 'x', { 'not-an-image-file': [1, 'x/notes.txt'] }),
  classes('an image without class', '3.png', three, { 'image-without-class': [1, '3.png'] }),
  {
    ...classes('a sparse file of 3 GB', 'x/3.jpg', '', {
      'too-large': [1, 'x/3.jpg: more than 67108864 bytes'],
    }),
    prepare: (path) => truncateSync(join(path, 'x/3.jpg'), 3 * 2 ** 30),
  },
  {
    ...classes('a pipe', 'x/3.txt', '', {
      'not-a-regular-file': [1, 'x/pipe.jpg'],
      'not-an-image-file': [1, 'x/3.txt'],
    }),
    prepare: (path) => execFileSync('mkfifo', [join(path, 'x/pipe.jpg')]),
  },
  {
    ...classes('a device', 'x/3.txt', '', {
      'link-not-followed': [1, 'x/zero.jpg: it leads out of the folder'],
      'not-an-image-file': [1, ''],
    }),
    prepare: (path) => symlinkSync('/dev/zero', join(path, 'x/zero.jpg')),
  },
  {
    ...classes('a link out of the folder', 'x/3.txt', '', {
      'link-not-followed': [1, 'z: it leads out of the folder'],
      'not-an-image-file': [1, ''],
    }),
    prepare: (path) => symlinkSync('/etc', join(path, 'z')),
  },
  {
    ...classes('a link to itself', 'x/3.txt', '', {
      'link-not-followed': [1, 'x/round: it leads to a folder that it is in'],
      'not-an-image-file': [1, ''],
    }),
    prepare: (path) => symlinkSync('..', join(path, 'x/round')),
  },
  {
    ...classes('an empty class', 'x/3.txt', '', { 'empty-class': [1, 'z'], 'not-an-image-file': [1, ''] }),
    prepare: (path) => mkdirSync(join(path, 'z')),
  },
  table('as it should be', rows, 2, {}),
  table(
    'byte order mark, line ends of Windows, a quoted line end',
    '\uFEFFfilepath\ttitle\r\nimg/a.png\t"two\r\nlines"\r\nimg/b.png\tNA\r\n',
    2,
    {},
  ),
  table('null and numbers are captions', 'filepath\ttitle\nimg/a.png\tnull\nimg/b.png\t123\n', 2, {}),
  table('empty caption', `${rows}img/a.png\t\n`, 2, {
    'no-caption': [1, 'pairs.tsv, row 3 (line 4): expected a caption, got ""'],
  }),
  table('missing image', `${rows}img/c.png\tx\n`, 2, { 'missing-image': [1, 'pairs.tsv, row 3 (line 4)'] }),
  table('too few cells', `${rows}img/c.png\n`, 2, { 'unreadable-entry': [1, 'expected 2 cells, got 1'] }),
  table('too many cells', `${rows}img/a.png\tx\ty\n`, 2, {
    'unreadable-entry': [1, 'expected 2 cells, got 3'],
  }),
  table('a quote that does not end', `${rows}img/a.png\t"x\n`, 2, {
    'unreadable-annotations': [1, 'pairs.tsv, after row 2: Quote Not Closed'],
  }),
  table('not UTF-8', Buffer.concat([Buffer.from(rows), Buffer.from('img/a.png\tcaf\xe9\n', 'latin1')]), 2, {
    'unreadable-entry': [1, 'row 3 (line 4): it is not UTF-8'],
  }),
  lines('as it should be', '', 2, {}),
  lines(
    'data URI',
    chat([
      { type: 'text', text: 'what?' },
      {
        type: 'image_url',
        image_url: { url: `data:image/png;base64,${Buffer.from(three).toString('base64')}` },
      },
    ]),
    3,
    {},
  ),
  lines('images that no message speaks of', chat('what?', { images: ['a.png', 'b.png'] }), 3, {}),
  lines('a broken line', `{"messages":\n${chat('again')}`, 3, {
    'unreadable-entry': [1, 'chat.jsonl, line 3'],
  }),
  lines('not UTF-8', Buffer.from('{"messages":"caf\xe9"}\n', 'latin1'), 2, {
    'unreadable-entry': [1, 'line 3: it is not UTF-8'],
  }),
  lines('a tool speaks', '{"messages":[{"role":"tool","content":"x"}]}\n', 2, {
    'malformed-sample': [1, 'turn 1: expected a speaker of'],
  }),
  lines('no text', '{"messages":[{"role":"user","content":null}]}\n', 2, {
    'malformed-sample': [1, 'turn 1: expected a text, got null'],
  }),
  lines('an address', chat([{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }]), 2, {
    'remote-image': [1, 'line 3'],
  }),
  lines('a tag without image', chat('<image>?'), 2, {
    'malformed-sample': [1, '1 times <image> for 0 images'],
  }),
  lines(
    'the assistant shows an image',
    chat('x').replace('yes', 'yes <image>').replace('}]}', '}],"images":["a.png"]}'),
    2,
    { 'malformed-sample': [1, '<image> in turn 2'] },
  ),
  shard('as it should be', tar(pair), 2, {}),
  shard('gzip', gzipSync(tar(pair)), 2, {}, '0.tar.gz'),
  shard('an image cut off', tar([...pair, ['3.png', three]], false).subarray(0, -480), 2, {
    'unreadable-archive': [1, '0.tar: the archive is truncated inside 3.png'],
  }),
  shard(
    'gzip cut off',
    gzipSync(tar(pair), { level: 0 }).subarray(0, -600),
    2,
    { 'unreadable-archive': [1, '0.tar.gz: '] },
    '0.tar.gz',
  ),
  shard('path traversal', tar([...pair, ['../3.png', three]]), 2, {
    'unsafe-member': [1, 'expected a relative name'],
  }),
  shard('absolute name', tar([...pair, ['/3.png', three]]), 2, {
    'unsafe-member': [1, 'expected a relative name'],
  }),
  shard(
    'symbolic link',
    tar([...pair, ['3.png', '', { type: 'SymbolicLink', linkpath: '/etc/passwd' }]]),
    2,
    { 'unsafe-member': [1, 'expected a regular file, got SymbolicLink'] },
  ),
  shard('hard link', tar([...pair, ['3.png', '', { type: 'Link', linkpath: '1.png' }]]), 2, {
    'unsafe-member': [1, 'got Link'],
  }),
  shard('an image without text', tar([...pair, ['3.png', three]]), 2, {
    'incomplete-member': [1, '0.tar/3: expected a txt or json'],
  }),
  shard('a text without image', tar([...pair, ['3.txt', 'x']]), 2, {
    'incomplete-member': [1, 'expected an image, got none'],
  }),
  shard('AppleDouble', tar([...pair, ['._3.png', 'x']]), 2, { 'system-file': [1, '0.tar/._3.png'] }),
  shard('empty text', tar([...pair, ['3.png', three], ['3.txt', ' ']]), 2, { 'no-caption': [1, '0.tar/3'] }),
  shard(
    'a decompression bomb',
    gzipSync(Buffer.concat([tar(pair, false), tar([['z.bin', Buffer.alloc(80 * 2 ** 20)]])])),
    2,
    { 'unreadable-archive': [1, 'a decompression bomb'] },
    '0.tgz',
  ),
];

// Of the folders here every sample is in train: one of them is held out, which is always said.
const ALWAYS = 'no-held-out-split';

describe('awkward data', () => {
  test('there are no two cases of one name', () => {
    expect(new Set(cases.map(({ what }) => what)).size).toBe(cases.length);
  });

  test.each(cases.map((one) => [one.what, one] as const))('%s', async (_, one) => {
    const path = await folderWith(one.files);
    one.prepare?.(path);
    const { manifest, problems } = await packDataset({
      path,
      format: one.format ?? 'auto',
      store: memoryStore(),
    });
    const rest = problems.filter(({ kind }) => kind !== ALWAYS);
    expect(manifest.samples).toHaveLength(one.samples);
    expect(Object.fromEntries(rest.map(({ kind, count }) => [kind, count]))).toEqual(
      Object.fromEntries(Object.entries(one.found).map(([kind, [count]]) => [kind, count])),
    );
    for (const { kind, examples } of rest) expect(examples[0]).toContain(one.found[kind]?.[1]);
  });
});
