"""The PyTorch peer of bench/cifar10: the same CLIP, weights, batches, captions, learning rates and AdamW, in eager mode.
Reads the folder that src/bench/cifar10/peer-task.ts writes and prints one line of JSON."""

import json
import os
import sys
import time

import numpy
import torch
import torch.nn.functional as F

folder = sys.argv[1]
torch.set_num_threads(int(os.environ.get("TRIPTYCH_THREADS", "1")))
task = json.load(open(os.path.join(folder, "task.json")))
config, batch = task["config"], task["batch"]
vision, text = config["vision_config"], config["text_config"]
size, patch = vision["image_size"], vision["patch_size"]


def read(name, dtype, *shape):
    return torch.from_numpy(numpy.fromfile(os.path.join(folder, name + ".bin"), dtype=dtype).reshape(shape))


flat = read("weights", "float32", -1)
weights = {
    spec["key"]: torch.nn.Parameter(flat[spec["offset"] : spec["offset"] + spec["length"]].reshape(spec["shape"]).clone())
    for spec in task["parameters"]
}
pixels = read("pixels", "uint8", -1, size, size, 3)
rows = read("rows", "int32", -1, batch).long()
captions = read("captions", "int32", -1, batch).long()
ids = read("ids", "int32", -1, text["max_position_embeddings"]).long()
mean, std = (torch.tensor(task["transform"][name])[:, None, None] for name in ("mean", "std"))


def layer_norm(x, name, epsilon):
    return F.layer_norm(x, x.shape[-1:], weights[name + ".weight"], weights[name + ".bias"], epsilon)


def affine(x, name):
    return F.linear(x, weights[name + ".weight"], weights[name + ".bias"])


def encoder(x, name, tower, causal):
    for i in range(tower["num_hidden_layers"]):
        block, epsilon = f"{name}.layers.{i}", tower["layer_norm_eps"]
        qkv = affine(layer_norm(x, block + ".layer_norm1", epsilon), block + ".self_attn.qkv_proj")
        shape = (*x.shape[:2], tower["num_attention_heads"], -1)
        q, k, v = (part.view(shape).transpose(1, 2) for part in qkv.split(tower["hidden_size"], -1))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(x.shape)
        x = x + affine(attended, block + ".self_attn.out_proj")
        hidden = affine(layer_norm(x, block + ".layer_norm2", epsilon), block + ".mlp.fc1")
        x = x + affine(hidden * torch.sigmoid(1.702 * hidden), block + ".mlp.fc2")
    return x


def encode_images(which):
    x = (pixels[which].permute(0, 3, 1, 2) / 255 - mean) / std
    kernel = weights["vision_model.embeddings.patch_embedding.weight"].view(-1, 3, patch, patch)
    x = F.conv2d(x, kernel, stride=patch).flatten(2).transpose(1, 2)
    first = weights["vision_model.embeddings.class_embedding"].expand(len(x), 1, -1)
    x = torch.cat([first, x], 1) + weights["vision_model.embeddings.position_embedding.weight"]
    x = layer_norm(x, "vision_model.pre_layrnorm", vision["layer_norm_eps"])
    x = encoder(x, "vision_model.encoder", vision, False)[:, 0]
    x = layer_norm(x, "vision_model.post_layernorm", vision["layer_norm_eps"])
    return F.normalize(F.linear(x, weights["visual_projection.weight"]), dim=-1)


def encode_texts(which):
    tokens = ids[which]
    x = F.embedding(tokens, weights["text_model.embeddings.token_embedding.weight"])
    x = encoder(x + weights["text_model.embeddings.position_embedding.weight"], "text_model.encoder", text, True)
    x = layer_norm(x, "text_model.final_layer_norm", text["layer_norm_eps"])
    x = x[torch.arange(len(x)), (tokens == text["eos_token_id"]).int().argmax(-1)]
    return F.normalize(F.linear(x, weights["text_projection.weight"]), dim=-1)


def loss_of(step):
    logits = encode_images(rows[step]) @ encode_texts(captions[step]).t() * weights["logit_scale"].exp()
    own = torch.arange(batch)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2


settings = task["optimizer"]
decayed = {spec["key"] for spec in task["parameters"] if spec["decay"]}
optimizer = torch.optim.AdamW(
    [
        {"params": [w for key, w in weights.items() if key in decayed], "weight_decay": settings["weightDecay"]},
        {"params": [w for key, w in weights.items() if key not in decayed], "weight_decay": 0.0},
    ],
    betas=(settings["beta1"], settings["beta2"]),
    eps=settings["epsilon"],
    fused=True,
)
losses = []
began = time.perf_counter()
for step, rate in enumerate(task["learningRates"]):
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = loss_of(step)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if settings["clipNorm"] > 0:
        torch.nn.utils.clip_grad_norm_(weights.values(), settings["clipNorm"])
    optimizer.step()
    with torch.no_grad():
        weights["logit_scale"].clamp_(0, float(numpy.log(100)))
    losses.append(loss.item())
seconds = time.perf_counter() - began

with torch.no_grad():
    classes = torch.stack([F.normalize(encode_texts(prompts).mean(0), dim=-1) for prompts in task["prompts"]])
    held = torch.tensor(task["held"])
    found = torch.cat([(encode_images(part) @ classes.t()).argmax(-1) for part in held.split(64)])
    accuracy = (found == torch.tensor(task["labels"])).double().mean().item()
print(json.dumps({"accuracy": accuracy, "firstLoss": losses[0], "lastLoss": losses[-1], "seconds": seconds}))
