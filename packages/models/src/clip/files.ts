/** The text files of a CLIP folder: what its processor is made from, and what is written back. */
import {
  type ClipTokenizer,
  clipTransform,
  type ImageTransform,
  imageProcessorFile,
  parseImageProcessor,
} from '@triptych/datasets';
import { type ClipConfig, parseConfig } from '../catalog/clip-config.ts';
import type { FolderFiles, ModelFile } from '../model.ts';
import { jsonFile, textFile } from '../model-files.ts';

/** What a preset with a vocabulary just learnt has. */
export const initialClipFiles = (config: ClipConfig, tokenizer: ClipTokenizer): FolderFiles =>
  tokenizer.files(config.text_config.max_position_embeddings);

/** As the folder's files say; CLIP's published transform where none of them does. @throws TriptychError MODEL_INVALID. */
export function clipTransformOf(
  { vision_config: { image_size: imageSize } }: Pick<ClipConfig, 'vision_config'>,
  files: FolderFiles,
): ImageTransform {
  return parseImageProcessor(files, { imageSize }) ?? clipTransform(imageSize);
}

/** `CLIPModel.from_pretrained` and `CLIPProcessor` read them. */
export function clipFiles(
  config: ClipConfig,
  { tokenizer, transform }: { readonly tokenizer: ClipTokenizer; readonly transform: ImageTransform },
): ModelFile[] {
  return [
    jsonFile('config.json', huggingFaceConfig(config, tokenizer)),
    preprocessorFile(transform),
    ...Object.entries(tokenizer.files(config.text_config.max_position_embeddings)).map(([path, text]) =>
      textFile(path, text),
    ),
  ];
}

const huggingFaceConfig = (config: ClipConfig, tokenizer: ClipTokenizer) => ({
  architectures: ['CLIPModel'],
  torch_dtype: 'float32',
  // In one order, wherever the configuration came from.
  ...parseConfig(config),
  // What is written from the labels is there to be looked up; `id2label` is what counts.
  ...(config.id2label && {
    label2id: Object.fromEntries(Object.entries(config.id2label).map(([id, label]) => [label, Number(id)])),
  }),
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

/** What {@link clipTransformOf} reads back. */
export function preprocessorFile(transform: ImageTransform): ModelFile {
  const { path, json } = imageProcessorFile(transform);
  return jsonFile(path, json);
}
