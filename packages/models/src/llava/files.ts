/** The text files of a LLaVA folder: what its processor is made from, and what is written back. */
import { IMAGE_TAG, type ImageTransform, learnTokenizer, Tokenizer } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import { clipTransformOf, preprocessorFile } from '../clip/files.ts';
import type { FolderFiles, ModelFile } from '../model.ts';
import { jsonFile, textFile } from '../model-files.ts';
import type { LlavaConfig } from './config.ts';
import { defaultPrompts } from './inputs.ts';

/** Vicuna's turns without a system text, which a small model would have to read before every answer. */
const briefTemplate = [
  '{{ bos_token }}',
  '{% for message in messages %}',
  "{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}",
  "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}",
  "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}",
  "{% if message['role'] == 'assistant' %}{% generation %}{{ part['text'] + eos_token }}{% endgeneration %}",
  "{% else %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}",
  '{% endfor %}',
  "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
].join('');

/** What a preset with a vocabulary just learnt has. */
export function initialLlavaFiles(config: LlavaConfig, texts: Iterable<string>): FolderFiles {
  const { vocab_size: vocabSize, max_position_embeddings: contextLength } = config.text_config;
  const all = withFrame(texts);
  const learnt = learnTokenizer(all, { vocabSize, contextLength, special: [IMAGE_TAG] });
  return { ...learnt.files(), 'chat_template.jinja': briefTemplate };
}

/** What stands around every sample is read in a few tokens, however rare its words are; a space stands before what is said. */
function* withFrame(texts: Iterable<string>): Generator<string, void> {
  for (const text of texts) {
    yield text;
    yield ` ${text}`;
  }
  const { caption, answer } = defaultPrompts;
  for (let i = 0; i < 100; i++) yield `USER: ${caption} ASSISTANT: USER: ${answer} ASSISTANT:`;
}

/** @throws TriptychError MODEL_INVALID where the tokens are not those of the configuration. */
export function llavaTokenizer(config: LlavaConfig, files: FolderFiles): Tokenizer {
  const tokenizer = Tokenizer.fromFiles(files);
  const { image_token_index: image, text_config } = config;
  const problems: string[] = [];
  const token = tokenizer.tokenOf(image);
  if (token === undefined || !tokenizer.isSpecial(image))
    problems.push(
      `image_token_index: expected the id of a special token such as ${IMAGE_TAG}, got ${image}, ${token === undefined ? 'which is no token' : `the ordinary token ${JSON.stringify(token)}`}`,
    );
  // The image token need not have a row: its embedding is replaced.
  const highest = tokenizer.vocabSize - 1 === image ? image : tokenizer.vocabSize;
  if (highest > text_config.vocab_size)
    problems.push(
      `text_config.vocab_size: expected at least the ${tokenizer.vocabSize} tokens of the tokenizer, got ${text_config.vocab_size}`,
    );
  if (problems.length > 0)
    throw new TriptychError(
      'MODEL_INVALID',
      `tokenizer.json does not fit config.json: ${problems.join(' | ')}; correct one of the two`,
    );
  return tokenizer;
}

export const llavaTransform = (config: LlavaConfig, files: FolderFiles): ImageTransform =>
  clipTransformOf(config, files);

/** `LlavaForConditionalGeneration.from_pretrained` and `LlavaProcessor` read them. */
export function llavaFiles(
  config: LlavaConfig,
  { tokenizer, transform }: { readonly tokenizer: Tokenizer; readonly transform: ImageTransform },
): ModelFile[] {
  return [
    jsonFile('config.json', huggingFaceConfig(config)),
    jsonFile('generation_config.json', generationConfig(config)),
    preprocessorFile(transform),
    jsonFile('processor_config.json', {
      processor_class: 'LlavaProcessor',
      patch_size: config.vision_config.patch_size,
      vision_feature_select_strategy: config.vision_feature_select_strategy,
      image_token: tokenizer.tokenOf(config.image_token_index),
      // The class token.
      num_additional_image_tokens: 1,
    }),
    ...Object.entries(tokenizer.files()).map(([path, text]) => textFile(path, text)),
  ];
}

function huggingFaceConfig({ mm_projector_type: projector, ...config }: LlavaConfig) {
  return {
    architectures: ['LlavaForConditionalGeneration'],
    torch_dtype: 'float32',
    ...config,
    // The one kind that the library knows needs no name.
    ...(projector !== 'mlp2x_gelu' && { mm_projector_type: projector }),
    tie_word_embeddings: config.text_config.tie_word_embeddings,
    vision_config: { model_type: 'clip_vision_model', ...config.vision_config },
  };
}

const generationConfig = ({ text_config, pad_token_id }: LlavaConfig) => ({
  bos_token_id: text_config.bos_token_id,
  eos_token_id: text_config.eos_token_id,
  pad_token_id: pad_token_id ?? text_config.pad_token_id ?? null,
});
