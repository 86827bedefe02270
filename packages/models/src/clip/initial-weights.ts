/**
 * Random initial weights as OpenAI's CLIP draws them (`clip/model.py`, `initialize_parameters`, and PyTorch's defaults
 * for what that leaves alone). Every parameter has a random stream of its own, named after it, so that a weight depends
 * on seed, name and shape alone.
 */
import { random } from '@triptych/nn';
import type { ClipConfig, TowerConfig } from '../catalog/clip-config.ts';
import { clipLayout } from './layout.ts';

type Draw =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'uniform'; readonly bound: number };

const constant = (value: number): Draw => ({ kind: 'constant', value });
const normal = (deviation: number): Draw => ({ kind: 'normal', deviation });
const uniform = (bound: number): Draw => ({ kind: 'uniform', bound });

/** The flat parameter buffer of `clipLayout(config)`: the same for the same configuration and seed. */
export function initClip(config: ClipConfig, seed: number): Float32Array {
  const layout = clipLayout(config);
  const flat = new Float32Array(layout.length);
  for (const { name, offset, length } of layout.named())
    fill(flat.subarray(offset, offset + length), drawOf(name, config), random(seed, 'weights', name));
  return flat;
}

function fill(target: Float32Array, draw: Draw, stream: ReturnType<typeof random>): void {
  if (draw.kind === 'constant') target.fill(draw.value);
  else
    for (let i = 0; i < target.length; i++)
      target[i] =
        draw.kind === 'normal' ? draw.deviation * stream.normal() : draw.bound * (2 * stream.uniform() - 1);
}

function drawOf(name: string, config: ClipConfig): Draw {
  const { text_config: text, vision_config: vision } = config;
  if (name === 'logit_scale') return constant(config.logit_scale_init_value);
  if (name === 'logit_bias') return constant(config.logit_bias_init_value ?? 0);
  if (/layer_?norm|layrnorm/.test(name)) return constant(name.endsWith('weight') ? 1 : 0);
  if (/self_attn\..*bias$/.test(name)) return constant(0);
  if (name === 'text_projection.weight') return normal(text.hidden_size ** -0.5);
  if (name === 'visual_projection.weight') return normal(vision.hidden_size ** -0.5);
  return name.startsWith('text_model') ? drawOfText(name, text) : drawOfVision(name, vision);
}

function drawOfText(name: string, tower: TowerConfig): Draw {
  const { hidden_size: width, num_hidden_layers: layers } = tower;
  if (name.includes('token_embedding')) return normal(0.02);
  if (name.includes('position_embedding')) return normal(0.01);
  if (name.endsWith('.bias')) return torchDefault(name, tower);
  if (/[qkv]_proj/.test(name)) return normal(width ** -0.5);
  if (name.includes('mlp.fc1')) return normal((2 * width) ** -0.5);
  // What is added to the residual stream shrinks with the number of additions.
  return normal(width ** -0.5 * (2 * layers) ** -0.5);
}

function drawOfVision(name: string, tower: ClipConfig['vision_config']): Draw {
  const { hidden_size: width, patch_size: patch } = tower;
  if (/class_embedding|position_embedding/.test(name)) return normal(width ** -0.5);
  if (name.includes('patch_embedding')) return uniform((3 * patch * patch) ** -0.5);
  // Xavier over the packed [3D, D] projection.
  if (/[qkv]_proj/.test(name)) return uniform((6 / (4 * width)) ** 0.5);
  return torchDefault(name, tower);
}

/** `nn.Linear`: weight and bias uniform within one over the root of the fan-in. */
const torchDefault = (name: string, { hidden_size, intermediate_size }: TowerConfig): Draw =>
  uniform((name.includes('mlp.fc2') ? intermediate_size : hidden_size) ** -0.5);
