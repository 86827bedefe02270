"""What the peer's models are made of. `w` maps keys to tensors, packed as the engine packs them (one matrix for queries, keys and
values); shapes are [batch, tokens, width]."""

import torch
import torch.nn.functional as F


def layer_norm(w, x, name, epsilon=1e-5):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], epsilon)


def affine(w, x, name):
    return F.linear(x, w[name + ".weight"], w[name + ".bias"])


def heads_of(x, heads):
    """[B, T, heads * d] to [B, heads, T, d]."""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def attention(q, k, v, **how):
    """[B, heads, T, d] each, to [B, T, heads * d]."""
    attended = F.scaled_dot_product_attention(q, k, v, **how).transpose(1, 2)
    return attended.reshape(attended.shape[0], attended.shape[1], -1)


def feed_forward(w, x, name):
    """Of resampler and gated cross-attention: norm, wide layer, GELU, narrow layer, no biases."""
    wide = F.linear(layer_norm(w, x, name + ".0"), w[name + ".1.weight"])
    return F.linear(F.gelu(wide), w[name + ".3.weight"])


def encoder(w, x, name, tower, causal):
    """All blocks of a CLIP tower."""
    for i in range(tower["num_hidden_layers"]):
        x = _clip_block(w, x, f"{name}.layers.{i}", tower, causal)
    return x


def vision_tokens(w, patches, tower, prefix=""):
    """Patches [B, N, 3pp] to the last hidden states [B, N + 1, D], class token first, before the post norm."""
    name = prefix + "vision_model"
    embedded = F.linear(patches, w[f"{name}.embeddings.patch_embedding.weight"])
    first = w[f"{name}.embeddings.class_embedding"].expand(patches.shape[0], 1, -1)
    x = torch.cat([first, embedded], 1) + w[f"{name}.embeddings.position_embedding.weight"]
    x = layer_norm(w, x, f"{name}.pre_layrnorm", tower["layer_norm_eps"])
    return encoder(w, x, f"{name}.encoder", tower, False)


def _clip_block(w, x, name, tower, causal):
    width, heads, epsilon = tower["hidden_size"], tower["num_attention_heads"], tower["layer_norm_eps"]
    qkv = affine(w, layer_norm(w, x, name + ".layer_norm1", epsilon), name + ".self_attn.qkv_proj")
    q, k, v = (heads_of(part, heads) for part in qkv.split(width, -1))
    x = x + affine(w, attention(q, k, v, is_causal=causal), name + ".self_attn.out_proj")
    hidden = affine(w, layer_norm(w, x, name + ".layer_norm2", epsilon), name + ".mlp.fc1")
    return x + affine(w, hidden * torch.sigmoid(1.702 * hidden), name + ".mlp.fc2")
