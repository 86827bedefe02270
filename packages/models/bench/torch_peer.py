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
config, batch = task["peer"]["config"], task["batch"]


def read(name, dtype):
    values = array.array("f" if dtype == "float32" else "i")
    values.frombytes(open(os.path.join(folder, name + ".bin"), "rb").read())
    return torch.tensor(values, dtype=torch.float32 if dtype == "float32" else torch.int64)


def read_tensors(name):
    flat = read(name, "float32")
    for spec in task[name]:
        part = flat[spec["offset"] : spec["offset"] + spec["length"]]
        yield spec["key"], part.reshape(spec["shape"]).clone()


trained = {key: torch.nn.Parameter(values) for key, values in read_tensors("parameters")}
weights = trained | dict(read_tensors("frozen"))
inputs = {item["name"]: read(item["name"], item["dtype"]).reshape(item["shape"]) for item in task["inputs"]}


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


def rms_norm(x, name, epsilon):
    return F.rms_norm(x, x.shape[-1:], weights[name + ".weight"], epsilon)


def rotated(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def decoder_block(x, name, cos, sin):
    heads, groups, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    epsilon = config["rms_norm_eps"]
    qkv = F.linear(rms_norm(x, name + ".input_layernorm", epsilon), weights[name + ".self_attn.qkv_proj.weight"])
    q, k, v = qkv.split([heads * size, groups * size, groups * size], -1)
    q, k, v = rotated(heads_of(q, heads), cos, sin), rotated(heads_of(k, groups), cos, sin), heads_of(v, groups)
    attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    attended = attended.transpose(1, 2).reshape(x.shape)
    x = x + F.linear(attended, weights[name + ".self_attn.o_proj.weight"])
    hidden = rms_norm(x, name + ".post_attention_layernorm", epsilon)
    gate, up = F.linear(hidden, weights[name + ".mlp.gate_up_proj.weight"]).chunk(2, -1)
    return x + F.linear(F.silu(gate) * up, weights[name + ".mlp.down_proj.weight"])


def decoder_loss():
    ids, image_tokens = inputs["ids"], config["image_tokens"]
    image = F.gelu(affine(inputs["features"], "multi_modal_projector.linear_1"))
    image = affine(image, "multi_modal_projector.linear_2")
    x = torch.cat([image, F.embedding(ids, weights["model.embed_tokens.weight"])], 1)
    half = torch.arange(0, config["head_dim"], 2) / config["head_dim"]
    angles = torch.arange(x.shape[1])[:, None] * (1 / config["rope_theta"] ** half)
    cos, sin = angles.cos(), angles.sin()
    for i in range(config["num_hidden_layers"]):
        x = decoder_block(x, f"model.layers.{i}", cos, sin)
    x = rms_norm(x[:, image_tokens - 1 : -1], "model.norm", config["rms_norm_eps"])
    logits = F.linear(x, weights["lm_head.weight"])
    return F.cross_entropy(logits.flatten(0, 1), ids.flatten())


losses = {"clip": clip_loss, "decoder": decoder_loss}
loss_of = losses[task["peer"]["model"]]
settings = task["optimizer"]
decayed = {spec["key"] for spec in task["parameters"] if spec["decay"]}
groups = [
    {"params": [w for key, w in trained.items() if key in decayed], "weight_decay": settings["weightDecay"]},
    {"params": [w for key, w in trained.items() if key not in decayed], "weight_decay": 0.0},
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
