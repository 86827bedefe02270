"""The peer's Flamingo: a Perceiver resampler over the features of a CLIP tower, and a Llama with gated cross-attention before
its blocks. Every text begins with its one picture, so every token sees all latents and no mask is needed."""

import torch
import torch.nn.functional as F

from torch_layers import attention, feed_forward, heads_of, layer_norm, vision_tokens
from torch_llama import Llama

TABLE = "lang_encoder.model.embed_tokens"


class Flamingo:
    def __init__(self, w, config):
        self.w, self.config = w, config
        self.llama = Llama(w, config["text_config"], "lang_encoder.")
        self.vision_trained = w["vision_encoder.vision_model.embeddings.class_embedding"].requires_grad

    def loss(self, inputs):
        media = self._media(inputs["patches"])
        hidden = self.llama.decode(
            F.embedding(inputs["ids"], self._table()),
            before_block=lambda x, layer: self._gated_block(x, layer, self._keys_and_values(media, layer)),
        )
        return self.llama.loss_at(hidden, inputs["rows"], inputs["labels"])

    def generate(self, ids, patches, new_tokens):
        media, table = self._media(patches), self._table()
        layers = range(self.config["text_config"]["num_hidden_layers"])
        seen = [self._keys_and_values(media, layer) for layer in layers]
        return self.llama.generate(
            F.embedding(ids, table),
            new_tokens,
            lambda tokens: F.embedding(tokens, table),
            lambda x, layer: self._gated_block(x, layer, seen[layer]),
        )

    def _table(self):
        return torch.cat([self.w[TABLE + ".weight"], self.w[TABLE + ".new_rows"]])

    def _media(self, patches):
        """Latents [B, latents, Dv] of the pictures."""
        w, heads = self.w, self.config["perceiver"]["heads"]
        with torch.set_grad_enabled(self.vision_trained and torch.is_grad_enabled()):
            features = vision_tokens(w, patches, self.config["vision_config"], "vision_encoder.")[:, 1:]
        latents = w["perceiver.latents"].expand(len(patches), -1, -1)
        for i in range(self.config["perceiver"]["depth"]):
            name = f"perceiver.layers.{i}"
            asking = layer_norm(w, latents, name + ".0.norm_latents")
            seen = torch.cat([layer_norm(w, features, name + ".0.norm_media"), asking], 1)
            q = heads_of(F.linear(asking, w[name + ".0.to_q.weight"]), heads)
            k, v = (heads_of(x, heads) for x in F.linear(seen, w[name + ".0.to_kv.weight"]).chunk(2, -1))
            latents = latents + F.linear(attention(q, k, v), w[name + ".0.to_out.weight"])
            latents = latents + feed_forward(w, latents, name + ".1")
        return layer_norm(w, latents, "perceiver.norm")

    def _keys_and_values(self, media, layer):
        kv = F.linear(media, self.w[_gated(layer) + ".attn.to_kv.weight"])
        return [heads_of(x, self.config["cross_attention"]["heads"]) for x in kv.chunk(2, -1)]

    def _gated_block(self, x, layer, keys_and_values):
        w, name = self.w, _gated(layer)
        asking = F.linear(layer_norm(w, x, name + ".attn.norm"), w[name + ".attn.to_q.weight"])
        q = heads_of(asking, self.config["cross_attention"]["heads"])
        seen = F.linear(attention(q, *keys_and_values), w[name + ".attn.to_out.weight"])
        x = x + seen * w[name + ".attn_gate"].tanh()
        return x + feed_forward(w, x, name + ".ff") * w[name + ".ff_gate"].tanh()


def _gated(layer):
    return f"lang_encoder.model.layers.{layer}.gated_cross_attn_layer"
