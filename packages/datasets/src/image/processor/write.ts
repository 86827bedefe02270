/** A transform as the file that describes it. */
import { resampleFilters } from '../resample-filter.ts';
import type { ImageTransform } from '../transform.ts';

export interface ImageProcessorFile {
  readonly path: string;
  readonly json: object;
}

/**
 * `preprocessor_config.json` for transformers; `open_clip_config.json` where only open_clip has words for it (a picture inside
 * a filled square). {@link parseImageProcessor} reads the same transform back.
 */
export function imageProcessorFile(transform: ImageTransform): ImageProcessorFile {
  if (transform.resize?.kind === 'longest')
    return { path: 'open_clip_config.json', json: { preprocess_cfg: openClipConfig(transform) } };
  return { path: 'preprocessor_config.json', json: preprocessorConfig(transform) };
}

function preprocessorConfig(transform: ImageTransform): object {
  const { padToSquare, resize, filter, crop, rescale, mean, std, size } = transform;
  return {
    image_processor_type: padToSquare ? 'LlavaImageProcessor' : 'CLIPImageProcessor',
    ...(padToSquare && { do_pad: true }),
    do_convert_rgb: true,
    do_resize: resize !== null,
    size:
      resize?.kind === 'squash'
        ? { height: resize.height, width: resize.width }
        : { shortest_edge: resize ? resize.edge : size },
    resample: resampleFilters.indexOf(filter),
    do_center_crop: crop !== null,
    crop_size: { height: size, width: size },
    ...(crop?.rounding === 'half-even' && { crop_rounding: crop.rounding }),
    do_rescale: rescale !== 1,
    rescale_factor: rescale === 1 ? 1 / 255 : rescale,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
}

function openClipConfig({ size, filter, crop, mean, std }: ImageTransform): object {
  return {
    size,
    mode: 'RGB',
    mean,
    std,
    interpolation: filter,
    resize_mode: 'longest',
    fill_color: crop?.fill[0] ?? 0,
  };
}
