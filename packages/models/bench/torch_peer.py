"""The PyTorch peer of the engine benchmark: the same models, weights, data and optimizer, in eager mode with the fused
attention and the fused AdamW. Reads an order a line and answers each with a line of JSON (src/bench/messages.ts)."""

import array
import json
import math
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
task = json.load(open(os.path.join(folder, "task.json")))
config, batch = task["config"], task["batch"]


def read(name, dtype):
    values = array.array("f" if dtype == "float32" else "i")
    values.frombytes(open(os.path.join(folder, name + ".bin"), "rb").read())
    return torch.tensor(values, dtype=torch.float32 if dtype == "float32" else torch.int64)


flat = read("weights", "float32")
weights = {}
for spec in task["parameters"]:
    part = flat[spec["offset"] : spec["offset"] + spec["length"]]
    weights[spec["key"]] = torch.nn.Parameter(part.reshape(spec["shape"]).clone())
inputs = {item["name"]: read(item["name"], item["dtype"]).reshape(item["shape"]) for item in task["inputs"]}
del flat


def layer_norm(x, name, epsilon):
    return F.layer_norm(x, x.shape[-1:], weights[name + ".weight"], weights[name + ".bias"], epsilon)


def affine(x, name):
    return F.linear(x, weights[name + ".weight"], weights[name + ".bias"])


def heads_of(x, heads):
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def clip_block(x, name, tower, causal):
    width, heads = tower["hidden_size"], tower["num_attention_heads"]
    qkv = affine(layer_norm(x, name + ".layer_norm1", tower["layer_norm_eps"]), name + ".self_attn.qkv_proj")
    q, k, v = (heads_of(part, heads) for part in qkv.split(width, -1))
    attended = F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(x.shape)
    x = x + affine(attended, name + ".self_attn.out_proj")
    hidden = affine(layer_norm(x, name + ".layer_norm2", tower["layer_norm_eps"]), name + ".mlp.fc1")
    return x + affine(hidden * torch.sigmoid(1.702 * hidden), name + ".mlp.fc2")


def encoder(x, name, tower, causal):
    for i in range(tower["num_hidden_layers"]):
        x = clip_block(x, f"{name}.layers.{i}", tower, causal)
    return x


def clip_loss():
    vision, text = config["vision_config"], config["text_config"]
    patches = F.linear(inputs["patches"], weights["vision_model.embeddings.patch_embedding.weight"])
    first = weights["vision_model.embeddings.class_embedding"].expand(batch, 1, -1)
    x = torch.cat([first, patches], 1) + weights["vision_model.embeddings.position_embedding.weight"]
    x = layer_norm(x, "vision_model.pre_layrnorm", vision["layer_norm_eps"])
    x = encoder(x, "vision_model.encoder", vision, False)[:, 0]
    images = F.linear(layer_norm(x, "vision_model.post_layernorm", 1e-5), weights["visual_projection.weight"])
    ids = inputs["ids"]
    y = F.embedding(ids, weights["text_model.embeddings.token_embedding.weight"])
    y = encoder(y + weights["text_model.embeddings.position_embedding.weight"], "text_model.encoder", text, True)
    y = y[torch.arange(batch), ids.argmax(-1)]
    texts = F.linear(layer_norm(y, "text_model.final_layer_norm", 1e-5), weights["text_projection.weight"])
    images, texts = (z / z.norm(dim=-1, keepdim=True) for z in (images, texts))
    logits = images @ texts.t() * weights["logit_scale"].exp()
    own = torch.arange(batch)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2


losses = {"clip": clip_loss}
loss_of = losses[task["workload"]]
settings = task["optimizer"]
decayed = {spec["key"] for spec in task["parameters"] if spec["decay"]}
groups = [
    {"params": [w for key, w in weights.items() if key in decayed], "weight_decay": settings["weightDecay"]},
    {"params": [w for key, w in weights.items() if key not in decayed], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(
    groups,
    lr=settings["learningRate"],
    betas=(settings["beta1"], settings["beta2"]),
    eps=settings["epsilon"],
    fused=True,
)


def step():
    loss = loss_of()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def answer(message):
    print(json.dumps(message), flush=True)


answer({"engine": f"PyTorch {torch.__version__}"})
for line in sys.stdin:
    seconds, values = [], []
    for _ in range(json.loads(line)["steps"]):
        began = time.perf_counter()
        values.append(step())
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer({"seconds": seconds, "losses": values, "peakBytes": peak})
