import { expect, test } from 'vitest';
import { clean } from './clean.ts';
import { unescapeHtml } from './html-entities.ts';

test.each([
  ['  A  Photo\tof\n a\u00a0Cat ', 'a photo of a cat'],
  ['&amp;amp; twice', '& twice'],
  ['&lt;b&gt;', '<b>'],
  ['\u201cquoted\u201d \u2018so\u2019', '"quoted" \'so\''],
  ['\uff26\uff35\uff2c\uff2c width', 'full width'],
  ['o\ufb03ce', 'office'],
  ['cafe\u0301', 'caf\u00e9'],
  ['red\u001b[31m text\u0000', 'red text'],
])('%j becomes %j', (text, expected) => {
  expect(clean(text)).toBe(expected);
});

test.each([
  ['&#65;&#x42;&#X43', 'ABC'],
  ['&eacute;&Eacute&hellip;&there4;', '\u00e9\u00c9\u2026\u2234'],
  ['&ampersand &nosuch; & &;', '&ersand &nosuch; & &;'],
  ['&#0;&#xD800;&#x80;&#99999999;', '\ufffd\ufffd\u20ac\ufffd'],
  ['&amp;lt;', '&lt;'],
])('unescapes %j to %j', (text, expected) => {
  expect(unescapeHtml(text)).toBe(expected);
});
