/** What is wrong with a caption file, and the finding for it. */
import { test } from 'vitest';
import { type Case, expectFindings } from '../testing/awkward-case.ts';
import { coco, png } from '../testing/folders.ts';

const pictures = await Promise.all(Array.from({ length: 8 }, (_, n) => png(n)));
const [one, two, three, four] = pictures as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

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
];

test.each(cases.map((one) => [one.what, one] as const))('%s', (_, one) => expectFindings(one));
