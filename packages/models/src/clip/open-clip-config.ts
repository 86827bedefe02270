/**
 * `open_clip_config.json`, which open_clip writes beside its weights, as the two files of Hugging Face that say the same. A field
 * that asks for another tower than CLIP's is refused by name. Tensor-free.
 */
import { show, TriptychError, type Violation } from '@triptych/protocol';
import { type ClipConfig, parseConfig } from '../catalog/clip-config.ts';
import { isRecord, record } from '../catalog/config-file.ts';

/** Files by name: `config.json`, and `preprocessor_config.json` where the preprocessing is told. */
export function openClipFiles(text: string): Readonly<Record<string, string>> {
  const { model_cfg, preprocess_cfg } = record(parsed(text));
  const model = record(model_cfg);
  const violations = [
    ...(isRecord(model_cfg) ? [] : [wrong('/model_cfg', 'an object', model_cfg)]),
    ...unknownFields('/model_cfg', model, topFields),
    ...unknownFields('/model_cfg/vision_cfg', record(model['vision_cfg']), visionFields),
    ...unknownFields('/model_cfg/text_cfg', record(model['text_cfg']), textFields),
    ...(preprocess_cfg === undefined ? [] : preprocessViolations(record(preprocess_cfg))),
  ];
  if (violations.length > 0) throw refused(violations);
  const config = configOf(model);
  return {
    'config.json': json({ architectures: ['CLIPModel'], ...config }),
    ...(preprocess_cfg === undefined
      ? {}
      : { 'preprocessor_config.json': json(preprocessorOf(config, record(preprocess_cfg))) }),
  };
}

/** The other way, for folders that open_clip loads (`local-dir:`). */
export const openClipConfigOf = (
  config: ClipConfig,
  { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] },
): string => {
  const { vision_config: vision, text_config: text } = config;
  return json({
    model_cfg: {
      embed_dim: config.projection_dim,
      quick_gelu: vision.hidden_act === 'quick_gelu',
      ...(config.logit_bias_init_value === undefined
        ? {}
        : { init_logit_bias: config.logit_bias_init_value }),
      init_logit_scale: config.logit_scale_init_value,
      vision_cfg: {
        image_size: vision.image_size,
        layers: vision.num_hidden_layers,
        width: vision.hidden_size,
        head_width: vision.hidden_size / vision.num_attention_heads,
        patch_size: vision.patch_size,
        mlp_ratio: vision.intermediate_size / vision.hidden_size,
      },
      text_cfg: {
        context_length: text.max_position_embeddings,
        vocab_size: text.vocab_size,
        width: text.hidden_size,
        heads: text.num_attention_heads,
        layers: text.num_hidden_layers,
        mlp_ratio: text.intermediate_size / text.hidden_size,
      },
    },
    preprocess_cfg: { mean, std, interpolation: 'bicubic', resize_mode: 'shortest' },
  });
};

/** Values that change nothing here; `any` fields are read below. */
const any = Symbol('any value');
const absent = [undefined, null, false];
type Fields = Readonly<Record<string, readonly unknown[] | typeof any>>;
const topFields: Fields = {
  embed_dim: any,
  vision_cfg: any,
  text_cfg: any,
  quick_gelu: any,
  init_logit_scale: any,
  init_logit_bias: any,
  // The same function, packed otherwise in the weights: the names say which.
  custom_text: any,
};
const visionFields: Fields = {
  image_size: any,
  layers: any,
  width: any,
  head_width: any,
  patch_size: any,
  mlp_ratio: any,
  pool_type: ['tok', undefined],
  // Of training alone.
  patch_dropout: any,
};
const textFields: Fields = {
  context_length: any,
  vocab_size: any,
  width: any,
  heads: any,
  layers: any,
  mlp_ratio: any,
  hf_tokenizer_name: ['', ...absent],
  tokenizer_kwargs: absent,
  pool_type: ['argmax', undefined],
  proj_type: ['linear', undefined],
};

const unknownFields = (path: string, source: Record<string, unknown>, fields: Fields): Violation[] =>
  Object.entries(source).flatMap(([name, value]) => {
    const allowed = fields[name] ?? absent;
    return allowed === any || (allowed as readonly unknown[]).includes(value)
      ? []
      : [wrong(`${path}/${name}`, `${show((allowed as readonly unknown[])[0])}, as CLIP has it`, value)];
  });

function configOf(model: Record<string, unknown>): ClipConfig {
  const [vision, text] = [record(model['vision_cfg']), record(model['text_cfg'])];
  const hidden_act = model['quick_gelu'] === true ? 'quick_gelu' : 'gelu';
  const width = Number(vision['width'] ?? 768);
  const textWidth = Number(text['width'] ?? 512);
  const vocabulary = Number(text['vocab_size'] ?? 49_408);
  return parseConfig({
    model_type: 'clip',
    projection_dim: model['embed_dim'],
    // open_clip's default is ln(1 / 0.07).
    logit_scale_init_value: model['init_logit_scale'] ?? Math.log(1 / 0.07),
    ...(typeof model['init_logit_bias'] === 'number'
      ? { logit_bias_init_value: model['init_logit_bias'] }
      : {}),
    vision_config: {
      hidden_act,
      hidden_size: width,
      intermediate_size: width * Number(vision['mlp_ratio'] ?? 4),
      num_hidden_layers: vision['layers'] ?? 12,
      num_attention_heads: width / Number(vision['head_width'] ?? 64),
      image_size: vision['image_size'] ?? 224,
      patch_size: vision['patch_size'] ?? 16,
    },
    text_config: {
      hidden_act,
      hidden_size: textWidth,
      intermediate_size: textWidth * Number(text['mlp_ratio'] ?? 4),
      num_hidden_layers: text['layers'] ?? 12,
      num_attention_heads: text['heads'] ?? 8,
      max_position_embeddings: text['context_length'] ?? 77,
      vocab_size: vocabulary,
      bos_token_id: vocabulary - 2,
      eos_token_id: vocabulary - 1,
    },
  });
}

function preprocessViolations(preprocess: Record<string, unknown>): Violation[] {
  const allowed: Fields = {
    size: any,
    mode: ['RGB', undefined],
    mean: any,
    std: any,
    interpolation: ['bicubic', undefined],
    resize_mode: ['shortest', undefined],
    // Of padding alone, which "shortest" does not do.
    fill_color: any,
  };
  const triples = ['mean', 'std'].flatMap((name) =>
    preprocess[name] === undefined || isTriple(preprocess[name])
      ? []
      : [wrong(`/preprocess_cfg/${name}`, 'three numbers', preprocess[name])],
  );
  return [...unknownFields('/preprocess_cfg', preprocess, allowed), ...triples];
}

const isTriple = (value: unknown) =>
  Array.isArray(value) && value.length === 3 && value.every((one) => Number.isFinite(one));

function preprocessorOf(
  { vision_config: { image_size: size } }: ClipConfig,
  { mean, std }: Record<string, unknown>,
) {
  return {
    image_processor_type: 'CLIPImageProcessor',
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: size },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean ?? [0.48145466, 0.4578275, 0.40821073],
    image_std: std ?? [0.26862954, 0.26130258, 0.27577711],
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', 'open_clip_config.json is not JSON', { cause });
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const wrong = (path: string, expected: string, actual: unknown): Violation => ({
  path: `/open_clip_config.json${path}`,
  expected,
  actual: show(actual),
  remedy: 'use a model with the towers of CLIP',
});

function refused(violations: readonly Violation[]): TriptychError {
  const lines = violations.map(
    ({ path, ...one }) => `${path.slice(1)}: expected ${one.expected}, got ${one.actual}`,
  );
  return new TriptychError('MODEL_INVALID', `This model of open_clip cannot be used: ${lines.join(' | ')}`, {
    violations,
  });
}
