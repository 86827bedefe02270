/** The text files of a CLIP folder: what its processor is made from, and what is written back. */
import { ClipTokenizer, clipTransform, type ImageTransform } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { ClipConfig } from '../catalog/clip-config.ts';
import type { FolderFiles, ModelFile } from '../model.ts';
import { jsonFile, jsonOf, textFile } from '../model-files.ts';

/** What a preset with a vocabulary just learnt has. */
export const initialClipFiles = (config: ClipConfig, tokenizer: ClipTokenizer): FolderFiles =>
  tokenizer.files(config.text_config.max_position_embeddings);

/** @throws TriptychError MODEL_INVALID. */
export function clipTokenizer(config: ClipConfig, files: FolderFiles): ClipTokenizer {
  const tokenizer = ClipTokenizer.fromFiles({
    'vocab.json': files['vocab.json'] ?? '',
    'merges.txt': files['merges.txt'] ?? '',
  });
  if (tokenizer.vocabSize > config.text_config.vocab_size)
    throw new TriptychError(
      'MODEL_INVALID',
      `vocab.json has ${tokenizer.vocabSize} tokens, config.json allows ${config.text_config.vocab_size}`,
    );
  return tokenizer;
}

export function clipTransformOf(
  config: Pick<ClipConfig, 'vision_config'>,
  files: FolderFiles,
): ImageTransform {
  const published = clipTransform(config.vision_config.image_size);
  const preprocessor = files['preprocessor_config.json'];
  if (preprocessor === undefined) return published;
  const { image_mean, image_std } = jsonOf('preprocessor_config.json', preprocessor) as {
    image_mean?: unknown;
    image_std?: unknown;
  };
  return {
    ...published,
    mean: isTriple(image_mean) ? image_mean : published.mean,
    std: isTriple(image_std) ? image_std : published.std,
  };
}

const isTriple = (value: unknown): value is [number, number, number] =>
  Array.isArray(value) && value.length === 3 && value.every((one) => Number.isFinite(one));

/** `CLIPModel.from_pretrained` and `CLIPProcessor` read them. */
export function clipFiles(
  config: ClipConfig,
  { tokenizer, transform }: { readonly tokenizer: ClipTokenizer; readonly transform: ImageTransform },
): ModelFile[] {
  return [
    jsonFile('config.json', huggingFaceConfig(config, tokenizer)),
    jsonFile('preprocessor_config.json', preprocessorConfig(transform)),
    ...Object.entries(tokenizer.files(config.text_config.max_position_embeddings)).map(([path, text]) =>
      textFile(path, text),
    ),
  ];
}

const huggingFaceConfig = (config: ClipConfig, tokenizer: ClipTokenizer) => ({
  architectures: ['CLIPModel'],
  torch_dtype: 'float32',
  ...config,
  text_config: {
    model_type: 'clip_text_model',
    ...config.text_config,
    projection_dim: config.projection_dim,
    pad_token_id: tokenizer.endToken,
  },
  vision_config: {
    model_type: 'clip_vision_model',
    ...config.vision_config,
    projection_dim: config.projection_dim,
  },
});

export const preprocessorConfig = ({ size, mean, std }: ImageTransform) => ({
  image_processor_type: 'CLIPImageProcessor',
  do_convert_rgb: true,
  do_resize: true,
  size: { shortest_edge: size },
  // Bicubic, in Pillow's numbering.
  resample: 3,
  do_center_crop: true,
  crop_size: { height: size, width: size },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: mean,
  image_std: std,
});
