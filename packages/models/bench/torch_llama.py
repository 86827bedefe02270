"""The peer's Llama, alone and inside LLaVA and Flamingo: training, and greedy generation through a cache of keys and values."""

import torch
import torch.nn.functional as F

from torch_layers import affine, attention, heads_of


class Llama:
    def __init__(self, w, config, prefix="", adapter_scale=None):
        """`adapter_scale`: of low-rank adapters beside every matrix of the blocks; None where there are none."""
        self.w, self.config, self.prefix, self.adapter_scale = w, config, prefix, adapter_scale
        size = config["head_dim"]
        frequencies = 1 / config["rope_theta"] ** (torch.arange(0, size, 2) / size)
        angles = torch.arange(config["max_position_embeddings"])[:, None] * frequencies
        self.cos, self.sin = angles.cos(), angles.sin()

    def decode(self, x, cache=None, before_block=None):
        """Embeddings [B, T, D] to the last hidden states; `cache` has what came before and is given what is new."""
        past = 0 if cache is None else cache.length
        turn = self.cos[past : past + x.shape[1]], self.sin[past : past + x.shape[1]]
        for layer in range(self.config["num_hidden_layers"]):
            if before_block is not None:
                x = before_block(x, layer)
            x = self._block(x, layer, turn, cache)
        if cache is not None:
            cache.length += x.shape[1]
        return self._norm(x, "model.norm")

    def logits(self, hidden):
        return F.linear(hidden, self.w[self.prefix + "lm_head.weight"])

    def loss_at(self, hidden, rows, labels):
        """The mean over the supervised rows of `hidden` [B, T, D]; no other row has logits."""
        return F.cross_entropy(self.logits(hidden.flatten(0, 1).index_select(0, rows)), labels)

    def generate(self, embeddings, new_tokens, embed, before_block=None):
        """The most likely tokens after the prompts, as lists of ids; `embed` gives the embeddings of ids [B, 1]."""
        cache = Cache(self.config, len(embeddings), embeddings.shape[1] + new_tokens)
        hidden = self.decode(embeddings, cache, before_block)
        tokens = [self.logits(hidden[:, -1]).argmax(-1, keepdim=True)]
        while len(tokens) < new_tokens:
            hidden = self.decode(embed(tokens[-1]), cache, before_block)
            tokens.append(self.logits(hidden[:, -1]).argmax(-1, keepdim=True))
        return torch.cat(tokens, 1).tolist()

    def _block(self, x, layer, turn, cache):
        heads, groups = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        name = f"model.layers.{layer}"
        attn = name + ".self_attn"
        qkv = self._apply(self._norm(x, name + ".input_layernorm"), attn, "qkv_proj", ("q_proj", "k_proj", "v_proj"))
        qkv = heads_of(qkv, heads + 2 * groups)
        q, k = _rotated(qkv[:, : heads + groups], *turn).split([heads, groups], 1)
        v = qkv[:, heads + groups :]
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        # A single new position sees everything; several are the prompt, which nothing came before.
        seen = attention(q, k, v, is_causal=x.shape[1] > 1, enable_gqa=heads != groups)
        x = x + self._apply(seen, attn, "o_proj", ("o_proj",))
        hidden = self._norm(x, name + ".post_attention_layernorm")
        gate, up = self._apply(hidden, name + ".mlp", "gate_up_proj", ("gate_proj", "up_proj")).chunk(2, -1)
        return x + self._apply(F.silu(gate) * up, name + ".mlp", "down_proj", ("down_proj",))

    def _norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.w[f"{self.prefix}{name}.weight"], self.config["rms_norm_eps"])

    def _apply(self, x, module, packed, parts):
        y = F.linear(x, self.w[f"{self.prefix}{module}.{packed}.weight"])
        if self.adapter_scale is None:
            return y
        names = [f"{self.prefix}{module}.{part}" for part in parts]
        # One product for all parts' A: they read the same input.
        stacked = torch.cat([self.w[name + ".lora_A.weight"] for name in names])
        narrow = (F.linear(x, stacked) * self.adapter_scale).chunk(len(names), -1)
        deltas = [F.linear(z, self.w[name + ".lora_B.weight"]) for z, name in zip(narrow, names)]
        return y + (deltas[0] if len(deltas) == 1 else torch.cat(deltas, -1))


class Cache:
    """Room for all positions at once, [layers, B, groups, positions, d], written in place."""

    def __init__(self, config, batch, positions):
        layers, groups = config["num_hidden_layers"], config["num_key_value_heads"]
        self.keys, self.values = (
            torch.empty(layers, batch, groups, positions, config["head_dim"]) for _ in range(2)
        )
        self.length = 0

    def extend(self, layer, keys, values):
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


class Decoder:
    """Image features through a projector, before the text; next-token loss on the text."""

    def __init__(self, w, config):
        self.w, self.image_tokens, self.llama = w, config["image_tokens"], Llama(w, config)

    def loss(self, inputs):
        ids = inputs["ids"]
        image = F.gelu(affine(self.w, inputs["features"], "multi_modal_projector.linear_1"))
        image = affine(self.w, image, "multi_modal_projector.linear_2")
        x = torch.cat([image, F.embedding(ids, self.w["model.embed_tokens.weight"])], 1)
        hidden = self.llama.decode(x)[:, self.image_tokens - 1 : -1]
        return F.cross_entropy(self.llama.logits(hidden).flatten(0, 1), ids.flatten())


def _rotated(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
