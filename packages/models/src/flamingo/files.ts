/** The text files of a Flamingo folder: what its processor is made from, and what is written back. */
import {
  END_OF_CHUNK,
  flamingoTemplates,
  IMAGE_TAG,
  type ImageTransform,
  learnTokenizer,
  Tokenizer,
  flamingoTokenizer as withFlamingoTokens,
} from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import { clipTransformOf, preprocessorFile } from '../clip/files.ts';
import type { FolderFiles, ModelFile } from '../model.ts';
import { jsonFile, textFile } from '../model-files.ts';
import { type FlamingoConfig, oldTokens } from './config.ts';

/** What a preset with a vocabulary just learnt has; its special tokens come after all others, as new ones do. */
export function initialFlamingoFiles(config: FlamingoConfig, texts: Iterable<string>): FolderFiles {
  const { max_position_embeddings: contextLength } = config.text_config;
  const learnt = learnTokenizer(framed(texts), { vocabSize: oldTokens(config), contextLength });
  return withFlamingoTokens(learnt).files();
}

/** With the words that stand around questions and captions, or they would be spelled letter by letter in every sample. */
function* framed(texts: Iterable<string>): Generator<string> {
  const { vqa, caption } = flamingoTemplates;
  const words = [vqa, caption].flatMap(({ prompt }) => prompt.split(/\{[a-z]+\}/));
  for (const text of texts) {
    yield text;
    yield* words;
  }
}

/** @throws TriptychError MODEL_INVALID where the tokens are not those of the configuration. */
export function flamingoTokenizer(config: FlamingoConfig, files: FolderFiles): Tokenizer {
  const tokenizer = Tokenizer.fromFiles(files);
  const { text_config, image_token_id, end_of_chunk_token_id } = config;
  const problems = [
    ...tokenProblem(tokenizer, IMAGE_TAG, { image_token_id }),
    ...tokenProblem(tokenizer, END_OF_CHUNK, { end_of_chunk_token_id }),
  ];
  if (tokenizer.vocabSize > text_config.vocab_size)
    problems.push(
      `the tokenizer has ${tokenizer.vocabSize} tokens, text_config.vocab_size allows ${text_config.vocab_size}`,
    );
  if (problems.length > 0)
    throw new TriptychError(
      'MODEL_INVALID',
      `tokenizer.json does not fit config.json: ${problems.join(' | ')}`,
    );
  return tokenizer;
}

function tokenProblem(tokenizer: Tokenizer, token: string, field: Record<string, number>): string[] {
  const [[name, id]] = Object.entries(field) as [[string, number]];
  const found = tokenizer.idOf(token);
  return found === id
    ? []
    : [`${token} has id ${found ?? 'none'}, ${name} says ${id}; add the token, or correct config.json`];
}

export const flamingoTransform = (config: FlamingoConfig, files: FolderFiles): ImageTransform =>
  clipTransformOf(config, files);

export function flamingoFiles(
  config: FlamingoConfig,
  { tokenizer, transform }: { readonly tokenizer: Tokenizer; readonly transform: ImageTransform },
): ModelFile[] {
  return [
    jsonFile('config.json', {
      architectures: ['Flamingo'],
      torch_dtype: 'float32',
      ...config,
      vision_config: { model_type: 'clip_vision_model', ...config.vision_config },
    }),
    preprocessorFile(transform),
    ...Object.entries(tokenizer.files()).map(([path, text]) => textFile(path, text)),
  ];
}
