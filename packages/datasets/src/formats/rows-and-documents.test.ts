import { expect, test } from 'vitest';
import { packDataset } from '../pack/pack-dataset.ts';
import { folderWith, png } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { tar } from '../testing/tar.ts';

const pack = async (files: Record<string, unknown>, format = 'auto') =>
  packDataset({ path: await folderWith(files), format, store: memoryStore() });
const contents = ({ manifest }: Awaited<ReturnType<typeof pack>>) =>
  Object.fromEntries(manifest.samples.map(({ id, content }) => [id, content]));

test('mmc4: images before their sentences, from files and from text', async () => {
  const packed = await pack({
    'a.png': await png(1),
    'docs_train.jsonl': `${JSON.stringify({
      text_list: ['one', 'two'],
      image_info: [
        { image_name: 'a.png', matched_text_index: 1 },
        { image_base64: Buffer.from(await png(2)).toString('base64'), matched_text_index: 1 },
      ],
    })}\n`,
    'docs_val.jsonl': `${JSON.stringify({ text_list: ['alone'], image_info: [] })}\n${JSON.stringify({ text_list: ['x'], image_info: [{ image_name: 'a.png', matched_text_index: 7 }] })}\n`,
  });
  expect(packed.manifest.format).toBe('mmc4');
  expect(packed.recognised).toBe('the first entry of docs_train.jsonl has "text_list"');
  expect(contents(packed)).toEqual({
    'docs_train.jsonl, line 1': { kind: 'interleaved', parts: ['one', { image: 0 }, { image: 1 }, 'two'] },
    'docs_val.jsonl, line 1': { kind: 'interleaved', parts: ['alone'] },
  });
  expect(packed.problems).toEqual([
    {
      kind: 'malformed-sample',
      count: 1,
      examples: ['docs_val.jsonl, line 2: expected matched_text_index of 0 to 0, got 7'],
    },
  ]);
});

test('image-folder: captions, questions and classes by the names of the columns; what is not listed is said', async () => {
  const packed = await pack({
    'train/1.png': await png(1),
    'train/2.png': await png(2),
    'train/metadata.jsonl': '{"file_name":"1.png","text":"one"}\n',
    'test/3.png': await png(3),
    'test/metadata.csv': 'file_name,question,answer\n3.png,"what, now?",yes\n',
  });
  expect(packed.manifest.format).toBe('image-folder');
  expect(Object.values(contents(packed))).toEqual([
    { kind: 'captions', texts: ['one'] },
    { kind: 'question', question: 'what, now?', answers: ['yes'] },
  ]);
  expect(packed.problems.map(({ kind, examples }) => [kind, examples[0]])).toEqual([
    ['unlisted-image', 'train/2.png: expected a usable entry in the metadata, got none'],
  ]);
});

test('webdataset: sizes.json is checked, json has captions, an image may have several extensions', async () => {
  const packed = await pack({
    'train-0.tar': tar([
      ['a/1.JPG', await png(1)],
      ['a/1.json', '{"caption":"one","score":NaN}'],
      ['a/2.seg.png', await png(2)],
      ['a/2.txt', 'two'],
    ]),
    'sizes.json': { 'train-0.tar': 3, 'train-1.tar': 2 },
    'val-0.tar': tar([
      ['1.png', await png(3)],
      ['1.txt', 'three'],
    ]),
  });
  expect(packed.manifest.samples.map(({ id, split }) => [id, split])).toEqual([
    ['train-0.tar/a/1', 'train'],
    ['train-0.tar/a/2', 'train'],
    ['val-0.tar/1', 'validation'],
  ]);
  expect(packed.problems).toEqual([
    {
      kind: 'shard-count',
      count: 2,
      examples: [
        'train-0.tar: expected 3 samples, as sizes.json says, got 2',
        'train-1.tar: expected 2 samples, as sizes.json says, got "no such shard"',
      ],
    },
  ]);
});

test('TextVQA and VizWiz: one file a split, images by name', async () => {
  const text = await pack({
    'TextVQA_0.5.1_train.json': {
      data: [{ question_id: 1, image_id: '0a1f', question: 'what?', answers: ['x', 'x', 'y'] }],
    },
    'TextVQA_0.5.1_val.json': {
      data: [{ question_id: 2, image_id: '0b2f', question: 'why?', answers: ['z'] }],
    },
    'train_images/0a1f.jpg': await png(1),
    'train_images/0b2f.jpg': await png(2),
  });
  expect(contents(text)).toEqual({
    'train/1': { kind: 'question', question: 'what?', answers: ['x', 'x', 'y'] },
    'validation/2': { kind: 'question', question: 'why?', answers: ['z'] },
  });
  const viz = await pack({
    'train.json': [{ image: 'VizWiz_train_00000000.jpg', question: 'what?', answers: [{ answer: 'x' }] }],
    'val.json': [{ image: 'VizWiz_val_00000000.jpg', question: 'why?', answers: [{ answer: 'y' }] }],
    'train/VizWiz_train_00000000.jpg': await png(1),
    'val/VizWiz_val_00000000.jpg': await png(2),
  });
  expect(viz.manifest.format).toBe('vqa');
  expect(viz.manifest.samples).toHaveLength(2);
  expect(viz.problems).toEqual([]);
});
