/**
 * Names of LLaVA weights. Canonical are those of the files on the hub; transformers 5 writes the same without
 * `vision_model.`, has others in memory (which adapters refer to), and the original project has its own. Tensor-free.
 */
import type { Dialect, NamePair } from '../dialect.ts';

const decoder = 'language_model.';
const head = `${decoder}lm_head.weight`;
const projector = 'multi_modal_projector.';
const tower = 'vision_tower.vision_model.';

const shared = {
  ignored: ['{rest}.rotary_emb.inv_freq', '{rest}.embeddings.position_ids'],
  spare: [head],
};

/** The parts of a vision tower, so that `vision_tower.embeddings...` is not taken for one with a prefix. */
const towerParts = ['embeddings.{rest}', 'pre_layrnorm.{kind}', 'encoder.{rest}', 'post_layernorm.{kind}'];
const bareTower = (prefix: string): NamePair[] =>
  towerParts.map((part) => ({ file: `${prefix}${part}`, ours: `${tower}${part}` }));

const same = (name: string): NamePair => ({ file: name, ours: name });

/** `llava-hf/*`, transformers 4. */
export const hubLlava: Dialect = {
  name: 'LLaVA of the Hugging Face hub',
  pairs: [same(`${decoder}model.{rest}`), same(head), same(`${projector}{rest}`), same(`${tower}{rest}`)],
  ...shared,
};

/** What `save_pretrained` of transformers 5 writes. */
export const hubLlava5: Dialect = {
  name: 'LLaVA of transformers 5',
  pairs: [
    same(`${decoder}model.{rest}`),
    same(head),
    same(`${projector}{rest}`),
    ...bareTower('vision_tower.'),
  ],
  ...shared,
};

/** Module names of `LlavaForConditionalGeneration` from 4.52 on; adapters have them. */
export const inMemoryLlava: Dialect = {
  name: 'LLaVA as transformers has it in memory',
  pairs: [
    { file: 'model.language_model.{rest}', ours: `${decoder}model.{rest}` },
    { file: 'lm_head.weight', ours: head },
    { file: `model.${projector}{rest}`, ours: `${projector}{rest}` },
    ...bareTower('model.vision_tower.'),
    { file: `model.${tower}{rest}`, ours: `${tower}{rest}` },
  ],
  ...shared,
};

/** Linear layers of the original projector stand at even places of a sequence, activations between them. */
const originalProjector: readonly NamePair[] = Array.from({ length: 8 }, (_, i) => ({
  file: `model.mm_projector.${2 * i}.{kind}`,
  ours: `${projector}linear_${i + 1}.{kind}`,
}));

/** `liuhaotian/llava-*`. A projector of one layer is no sequence there. */
export const originalLlava: Dialect = {
  name: 'the original LLaVA',
  pairs: [
    { file: 'lm_head.weight', ours: head },
    ...originalProjector,
    { file: 'model.mm_projector.{kind}', ours: `${projector}linear_1.{kind}` },
    { file: 'model.vision_tower.vision_tower.vision_model.{rest}', ours: `${tower}{rest}` },
    ...bareTower('model.vision_tower.vision_tower.'),
    ...['embed_tokens.weight', 'layers.{rest}', 'norm.weight'].map((name) => ({
      file: `model.${name}`,
      ours: `${decoder}model.${name}`,
    })),
  ],
  ...shared,
};

export const llavaDialects: readonly Dialect[] = [hubLlava, hubLlava5, inMemoryLlava, originalLlava];
