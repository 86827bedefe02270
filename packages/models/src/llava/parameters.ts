/**
 * Every parameter of a LLaVA model in the order of the flat buffer, under the names of the files on the Hugging Face hub:
 * vision tower, projector, decoder. A group says what a training method can choose.
 */
import { visionParameters } from '../catalog/clip-parameters.ts';
import { llamaParameters } from '../catalog/llama-parameters.ts';
import { type ParameterTensor, single } from '../catalog/parameter-tensor.ts';
import type { GroupedTensor } from '../grouped-tensor.ts';
import { featureDepths, featureWidth, type LlavaConfig, projectorLayers } from './config.ts';

export const VISION_PREFIX = 'vision_tower.';
export const PROJECTOR = 'multi_modal_projector';
export const DECODER_PREFIX = 'language_model.';

/**
 * In groups: `vision`, `projector`, `decoder`, each tower with a path for every layer; `idle`, which files have and nothing is
 * computed with: what of the vision tower lies above the feature layers.
 */
export function llavaParameters(config: LlavaConfig): GroupedTensor[] {
  const { vision_config: vision, text_config: text } = config;
  const used = Math.max(...featureDepths(config));
  return [
    ...visionParameters(vision, VISION_PREFIX)
      .map((tensor) => inTower(tensor, { group: 'vision', layers: vision.num_hidden_layers }))
      .map((tensor) => ((tensor.depth ?? 0) > used ? { ...tensor, group: 'idle' } : tensor)),
    ...projectorParameters(config).map((tensor) => ({ ...tensor, group: 'projector' })),
    ...llamaParameters(text, DECODER_PREFIX).map((tensor) =>
      inTower(tensor, { group: 'decoder', layers: text.num_hidden_layers }),
    ),
  ];
}

function projectorParameters(config: LlavaConfig): ParameterTensor[] {
  const width = config.text_config.hidden_size;
  return Array.from({ length: projectorLayers(config) }, (_, i) => {
    const name = `${PROJECTOR}.linear_${i + 1}`;
    return [
      single(`${name}.weight`, [width, i === 0 ? featureWidth(config) : width]),
      ...(config.multimodal_projector_bias ? [single(`${name}.bias`, [width])] : []),
    ];
  }).flat();
}

/** `decoder/3` is block 3, `decoder/stem` what comes before the first, `decoder/head` what comes after the last. */
function inTower(
  tensor: ParameterTensor,
  at: { readonly group: string; readonly layers: number },
): GroupedTensor {
  const block = /\.layers\.(\d+)\./.exec(tensor.key)?.[1];
  if (block !== undefined) return { ...tensor, group: `${at.group}/${block}`, depth: Number(block) + 1 };
  const atTop = /post_layernorm|model\.norm|lm_head/.test(tensor.key);
  return atTop
    ? { ...tensor, group: `${at.group}/head`, depth: at.layers + 1 }
    : { ...tensor, group: `${at.group}/stem`, depth: 0 };
}
