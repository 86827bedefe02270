/** The vision tower of a CLIP as that of another architecture. Tensor-free. */
import type { Tower } from '../architecture.ts';
import type { ClipVisionConfig } from '../catalog/clip-config.ts';

/** `prefix`: in front of CLIP's own names. */
export const clipTower = <C extends { readonly vision_config: ClipVisionConfig }>(
  prefix: string,
): Tower<C> => ({
  from: ['clip'],
  config: (config, clip) => ({ ...config, vision_config: (clip as C).vision_config }),
  nameOf: (name) => (name.startsWith(`${prefix}vision_model.`) ? name.slice(prefix.length) : undefined),
  files: ['preprocessor_config.json', 'processor_config.json', 'open_clip_config.json'],
});
