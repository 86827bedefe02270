/** Which conversation a run makes of questions about one picture; templates and labels are tested in datasets. */
import { type Content, preview } from '@triptych/datasets';
import { expect, test } from 'vitest';
import { initialLlavaFiles, llavaTokenizer } from './files.ts';
import type { LlavaInputs } from './inputs.ts';
import { LlavaText } from './llava-text.ts';
import { llavaPresets } from './presets.ts';

const { config } = llavaPresets['llava-tiny']!;
const tokenizer = llavaTokenizer(config, initialLlavaFiles(config, ['What? Big? Red? blue no yes']));
const question: Content = { kind: 'question', question: 'What?', answers: ['blue'] };
const companions = (count: number) =>
  ['Big?', 'Red?', 'Old?']
    .slice(0, count)
    .map((asked, i) => ({ question: asked, answer: i === 0 ? 'no' : 'yes' }));

function told(inputs: Partial<LlavaInputs>, content: Content = question) {
  const all: LlavaInputs = {
    ...{ template: 'vicuna_v1', imagePlacement: 'front', captionPrompt: 'Describe.', answerPrompt: '' },
    ...{ tooLong: 'refuse', questionsTogether: 1, ...inputs },
  };
  const sample = { id: 'one', content, images: 1, choose: () => 0, companions };
  const tokens = new LlavaText(tokenizer, config, all).sample(sample);
  return {
    length: tokens.ids.length,
    text: preview(tokens, tokenizer).text.replace(/^.*USER: <image>x16/s, ''),
  };
}

test('questions about the same picture are turns of one conversation, as far as they fit', () => {
  const whole = told({ questionsTogether: 3 });
  expect(whole.text).toBe(
    '\nWhat? ASSISTANT:« blue</s>»USER: Big? ASSISTANT:« no</s>»USER: Red? ASSISTANT:« yes</s>»',
  );
  expect(told({ questionsTogether: 4, maxTokens: whole.length }).text).toBe(whole.text);
  expect(told({ questionsTogether: 3, maxTokens: whole.length - 1 }).text).not.toContain('Red?');
  expect(told({}).text).toBe('\nWhat? ASSISTANT:« blue</s>»');
});

test('a caption, and the first stage, have no companions', () => {
  const caption: Content = { kind: 'captions', texts: ['blue'] };
  expect(told({ questionsTogether: 3 }, caption).text).toBe(told({}, caption).text);
  expect(told({ questionsTogether: 3, template: 'plain' }).text).toBe(told({ template: 'plain' }).text);
});
