/** What is wrong with files of images, tables, conversations and archives, and the finding for it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'vitest';
import { type Case, expectFindings } from '../testing/awkward-case.ts';
import { png } from '../testing/folders.ts';
import { tar } from '../testing/tar.ts';

const pictures = await Promise.all(Array.from({ length: 8 }, (_, n) => png(n)));
const [one, two, three] = pictures as [Uint8Array, Uint8Array, Uint8Array];

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
    { 'too-large': [1, '0.tgz/z.bin'], 'unreadable-archive': [1, 'a decompression bomb'] },
    '0.tgz',
  ),
];

test.each(cases.map((one) => [one.what, one] as const))('%s', (_, one) => expectFindings(one));
