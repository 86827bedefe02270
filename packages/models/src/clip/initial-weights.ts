/**
 * Random initial weights as OpenAI's CLIP draws them (`clip/model.py`, `initialize_parameters`, and PyTorch's defaults
 * for what that leaves alone).
 */
import type { ClipConfig, TowerConfig } from '../catalog/clip-config.ts';
import { CLASSIFIER } from '../catalog/clip-parameters.ts';
import { constant, type Draw, drawWeights, normal, uniform } from '../weights/drawn-weights.ts';
import { clipLayout } from './layout.ts';

/** The flat parameter buffer of `clipLayout(config)`: the same for the same configuration and seed. */
export const initClip = (config: ClipConfig, seed: number): Float32Array =>
  drawWeights(clipLayout(config), seed, (name) => drawOf(name, config));

export function drawOf(name: string, config: ClipConfig): Draw {
  const { text_config: text, vision_config: vision } = config;
  if (name === 'logit_scale') return constant(config.logit_scale_init_value);
  if (name === 'logit_bias') return constant(config.logit_bias_init_value ?? 0);
  if (name.startsWith(`${CLASSIFIER}.`)) return constant(0);
  if (name === 'text_projection.weight') return normal(text.hidden_size ** -0.5);
  if (name === 'visual_projection.weight') return normal(vision.hidden_size ** -0.5);
  return name.startsWith('text_model') ? drawOfText(name, text) : drawOfVision(name, vision);
}

function drawOfText(name: string, tower: TowerConfig): Draw {
  const { hidden_size: width, num_hidden_layers: layers } = tower;
  if (isNeutral(name)) return neutral(name);
  if (name.includes('token_embedding')) return normal(0.02);
  if (name.includes('position_embedding')) return normal(0.01);
  if (name.endsWith('.bias')) return torchDefault(name, tower);
  if (/[qkv]_proj/.test(name)) return normal(width ** -0.5);
  if (name.includes('mlp.fc1')) return normal((2 * width) ** -0.5);
  // What is added to the residual stream shrinks with the number of additions.
  return normal(width ** -0.5 * (2 * layers) ** -0.5);
}

/** Of the image tower alone, which is a part of other models too. */
export function drawOfVision(name: string, tower: ClipConfig['vision_config']): Draw {
  const { hidden_size: width, patch_size: patch } = tower;
  if (isNeutral(name)) return neutral(name);
  if (/class_embedding|position_embedding/.test(name)) return normal(width ** -0.5);
  if (name.includes('patch_embedding')) return uniform((3 * patch * patch) ** -0.5);
  // Xavier over the packed [3D, D] projection.
  if (/[qkv]_proj/.test(name)) return uniform((6 / (4 * width)) ** 0.5);
  return torchDefault(name, tower);
}

/** Norms change nothing at first, and attention has no bias. */
const isNeutral = (name: string) => /layer_?norm|layrnorm|self_attn\..*bias$/.test(name);
const neutral = (name: string): Draw => constant(name.endsWith('weight') ? 1 : 0);

/** `nn.Linear`: weight and bias uniform within one over the root of the fan-in. */
const torchDefault = (name: string, { hidden_size, intermediate_size }: TowerConfig): Draw =>
  uniform((name.includes('mlp.fc2') ? intermediate_size : hidden_size) ** -0.5);
