/** What Hugging Face's image processor classes do where their file says nothing. Source: transformers 5.18, image_processing_pil_*.py. */
import type { ResampleFilter } from '../resample-filter.ts';
import type { Triple } from '../transform.ts';

export interface ProcessorClass {
  readonly filter: ResampleFilter;
  readonly mean: Triple;
  readonly std: Triple;
  readonly size: unknown;
  /** A single number as `size` is a square; otherwise the shortest edge. */
  readonly defaultToSquare: boolean;
  readonly crop: boolean;
  readonly cropSize: unknown;
  /** `do_pad` pads to a square before resizing. Elsewhere it evens out a batch, whose pictures have one size here anyway. */
  readonly padsToSquare: boolean;
}

const openAi: Pick<ProcessorClass, 'mean' | 'std'> = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
const halves: Pick<ProcessorClass, 'mean' | 'std'> = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const clip: ProcessorClass = {
  ...openAi,
  filter: 'bicubic',
  size: { shortest_edge: 224 },
  defaultToSquare: false,
  crop: true,
  cropSize: { height: 224, width: 224 },
  padsToSquare: false,
};
const squash: ProcessorClass = {
  ...clip,
  size: { height: 224, width: 224 },
  crop: false,
  cropSize: undefined,
};

export const processorClasses: Readonly<Record<string, ProcessorClass>> = {
  CLIPImageProcessor: clip,
  ChineseCLIPImageProcessor: clip,
  BitImageProcessor: clip,
  LlavaImageProcessor: { ...clip, padsToSquare: true },
  SiglipImageProcessor: { ...squash, ...halves },
  BlipImageProcessor: { ...squash, size: { height: 384, width: 384 }, defaultToSquare: true },
  ViTImageProcessor: { ...squash, ...halves, filter: 'bilinear', defaultToSquare: true },
};

/** Where the file names no class, the kind of model does. */
const byModelType: Readonly<Record<string, string>> = {
  clip: 'CLIPImageProcessor',
  clip_vision_model: 'CLIPImageProcessor',
  llava: 'LlavaImageProcessor',
  llava_llama: 'CLIPImageProcessor',
  siglip: 'SiglipImageProcessor',
  siglip_vision_model: 'SiglipImageProcessor',
  blip: 'BlipImageProcessor',
};

export const classOfModelType = (modelType: unknown): string | undefined =>
  typeof modelType === 'string' && Object.hasOwn(byModelType, modelType) ? byModelType[modelType] : undefined;

/** One class has several names: its faster and its Pillow version, and what it was called before. */
export const canonicalClassName = (name: string): string =>
  name.replace(/FeatureExtractor$/, 'ImageProcessor').replace(/(Fast|Pil)$/, '');
