/** The trained model as files in Hugging Face layout: `CLIPModel.from_pretrained` and `CLIPProcessor` read them. */
import type { ClipTokenizer, ImageTransform } from '@triptych/datasets';
import { type ClipConfig, clipSafetensorsPieces } from '@triptych/models';
import { type NamedContent, streamOf } from '@triptych/storage';

export const WEIGHTS_FILE = 'model.safetensors';

/** The weights are read when the file is stored; they must not change before. */
export function modelFiles(model: {
  readonly config: ClipConfig;
  readonly weights: Float32Array;
  readonly tokenizer: ClipTokenizer;
  readonly transform: ImageTransform;
  /** Markdown. */
  readonly card: string;
}): NamedContent[] {
  const { config, weights, tokenizer, transform, card } = model;
  const texts: Record<string, string> = {
    'config.json': json(huggingFaceConfig(config, tokenizer)),
    'preprocessor_config.json': json(preprocessorConfig(transform)),
    'README.md': card,
    ...tokenizer.files(config.text_config.max_position_embeddings),
  };
  return [
    { path: WEIGHTS_FILE, content: streamOf(() => clipSafetensorsPieces(config, weights)) },
    ...Object.entries(texts).map(([path, text]) => ({ path, content: new TextEncoder().encode(text) })),
  ];
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

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

const preprocessorConfig = ({ size, mean, std }: ImageTransform) => ({
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
