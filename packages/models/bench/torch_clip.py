"""The peer's CLIP: contrastive loss of pictures and texts in one batch."""

import torch
import torch.nn.functional as F

from torch_layers import encoder, layer_norm, vision_tokens


class Clip:
    def __init__(self, w, config):
        self.w, self.config = w, config

    def loss(self, inputs):
        w, vision, text = self.w, self.config["vision_config"], self.config["text_config"]
        x = vision_tokens(w, inputs["patches"], vision)[:, 0]
        images = F.linear(layer_norm(w, x, "vision_model.post_layernorm"), w["visual_projection.weight"])
        ids = inputs["ids"]
        own = torch.arange(len(ids))
        y = F.embedding(ids, w["text_model.embeddings.token_embedding.weight"])
        y = encoder(w, y + w["text_model.embeddings.position_embedding.weight"], "text_model.encoder", text, True)
        y = y[own, ids.argmax(-1)]
        texts = F.linear(layer_norm(w, y, "text_model.final_layer_norm"), w["text_projection.weight"])
        images, texts = (z / z.norm(dim=-1, keepdim=True) for z in (images, texts))
        logits = images @ texts.t() * w["logit_scale"].exp()
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2
