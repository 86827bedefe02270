"""The PyTorch peer of the engine benchmark: the same models, weights, data and optimizer, in eager mode with the fused
attention and the fused AdamW. Reads an order a line and answers each with a line of JSON (src/bench/messages.ts)."""

import array
import json
import os
import resource
import sys
import time

import torch

from torch_clip import Clip
from torch_flamingo import Flamingo
from torch_llama import Decoder
from torch_llava import Llava

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
task = json.load(open(os.path.join(folder, "task.json")))


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
frozen = dict(read_tensors("frozen"))
inputs = {item["name"]: read(item["name"], item["dtype"]).reshape(item["shape"]) for item in task["inputs"]}
models = {"clip": Clip, "decoder": Decoder, "llava": Llava, "flamingo": Flamingo}
model = models[task["peer"]["model"]](trained | frozen, task["peer"]["config"])
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
    loss = model.loss(inputs)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.inference_mode()
def generate(prompts, new_tokens):
    return model.generate(inputs["prompt_ids"][:prompts], inputs["prompt_patches"][:prompts], new_tokens)


def timed(work, times):
    """Seconds of each time, and what came of it."""
    seconds, results = [], []
    for _ in range(times):
        began = time.perf_counter()
        results.append(work())
        seconds.append(time.perf_counter() - began)
    return seconds, results


def obey(order):
    if order["kind"] == "generate":
        seconds, texts = timed(lambda: generate(order["prompts"], order["newTokens"]), order["times"])
        return {"seconds": seconds, "tokens": texts[-1]}
    seconds, losses = timed(step, order["steps"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "losses": losses, "peakBytes": peak}


def answer(message):
    print(json.dumps(message), flush=True)


answer({"engine": f"PyTorch {torch.__version__}"})
for line in sys.stdin:
    answer(obey(json.loads(line)))
