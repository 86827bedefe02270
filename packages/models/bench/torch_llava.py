"""The peer's LLaVA: features of a CLIP tower, projected, among the embeddings of a Llama."""

import torch
import torch.nn.functional as F

from torch_layers import affine, vision_tokens
from torch_llama import Llama


class Llava:
    def __init__(self, w, config):
        """`adapter_scale` in the configuration: the decoder has low-rank adapters."""
        self.w, self.config = w, config
        self.llama = Llama(w, config["text_config"], "language_model.", config.get("adapter_scale"))
        tower = [values for key, values in w.items() if key.startswith("vision_tower.")]
        self.vision_trained = any(values.requires_grad for values in tower)

    def loss(self, inputs):
        hidden = self.llama.decode(self._embeddings(inputs["ids"], inputs["patches"]))
        return self.llama.loss_at(hidden, inputs["rows"], inputs["labels"])

    def generate(self, ids, patches, new_tokens):
        return self.llama.generate(self._embeddings(ids, patches), new_tokens, self._embed)

    def _embed(self, ids):
        return F.embedding(ids, self.w["language_model.model.embed_tokens.weight"])

    def _embeddings(self, ids, patches):
        """[B, T, D], projected features in place of the image tokens."""
        with torch.set_grad_enabled(self.vision_trained and torch.is_grad_enabled()):
            features = vision_tokens(self.w, patches, self.config["vision_config"], "vision_tower.")[:, 1:]
        image = F.gelu(affine(self.w, features, "multi_modal_projector.linear_1"))
        image = affine(self.w, image, "multi_modal_projector.linear_2")
        at = (ids == self.config["image_token_index"]).unsqueeze(-1)
        return self._embed(ids).masked_scatter(at, image)
