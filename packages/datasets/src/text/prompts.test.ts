import { expect, test } from 'vitest';
import { promptTemplates, zeroShotPrompts } from './prompts.ts';

test('the sets have the sizes of their sources, without repetition', () => {
  expect(new Set(promptTemplates.openai80).size).toBe(80);
  expect(new Set(promptTemplates.openai7).size).toBe(7);
  for (const templates of Object.values(promptTemplates))
    for (const template of templates) expect(template.split('{}')).toHaveLength(2);
});

test('a class name is put in as it is', () => {
  expect(zeroShotPrompts('$& star', 'plain')[0]).toBe('a photo of a $& star.');
});
