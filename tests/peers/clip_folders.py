"""Folders of a tiny CLIP as the Python libraries write them, and what they make of ours.

usage: python clip_folders.py write OUT     makes OUT/transformers, OUT/sharded (bfloat16) and, with open_clip, OUT/open_clip
       python clip_folders.py compare A B   loads A and B with transformers, compares every parameter and the logits
       python clip_folders.py open_clip A B the logits of A in transformers and of B in open_clip

transformers 5, torch 2.13, open_clip 3 (left out where it is not installed).
"""

import json
import os
import sys

import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer, CLIPTokenizerFast

TEXT = dict(hidden_size=16, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, vocab_size=520,
            max_position_embeddings=16, bos_token_id=518, eos_token_id=519, hidden_act="gelu")
VISION = dict(hidden_size=24, intermediate_size=96, num_hidden_layers=3, num_attention_heads=3, image_size=32,
              patch_size=8, hidden_act="gelu")


def tokenizer(folder):
    """The bytes, their copies at the end of a word, four merges, start and end."""
    os.makedirs(folder, exist_ok=True)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    merges = [("r", "e"), ("re", "d</w>"), ("c", "a"), ("ca", "t</w>")]
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges]
    tokens += ["<|unused0|>", "<|unused1|>"] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == TEXT["vocab_size"], len(tokens)
    with open(f"{folder}/vocab.json", "w") as f:
        json.dump({t: i for i, t in enumerate(tokens)}, f)
    with open(f"{folder}/merges.txt", "w") as f:
        f.write("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


def write(out):
    torch.manual_seed(1)
    model = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    folder = f"{out}/transformers"
    model.save_pretrained(folder)
    tokenizer(f"{out}/tokenizer").save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    model.to(torch.bfloat16).save_pretrained(f"{out}/sharded", max_shard_size="20KB")
    for name in os.listdir(folder):
        if not name.startswith("model") and name != "config.json":
            with open(f"{folder}/{name}", "rb") as source, open(f"{out}/sharded/{name}", "wb") as target:
                target.write(source.read())
    write_open_clip(out)
    print("wrote", sorted(os.listdir(out)))


def open_clip_model():
    import open_clip.model

    torch.manual_seed(3)
    config = dict(
        embed_dim=8,
        vision_cfg=dict(image_size=32, layers=3, width=24, head_width=8, patch_size=8),
        text_cfg=dict(context_length=16, vocab_size=520, width=16, heads=2, layers=2),
    )
    model = open_clip.model.CLIP(**config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval(), config


def write_open_clip(out):
    try:
        model, config = open_clip_model()
    except Exception as reason:
        print("no open_clip:", reason)
        return
    from safetensors.torch import save_file

    tokenizer(f"{out}/open_clip")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, f"{out}/open_clip/open_clip_model.safetensors")
    preprocess = dict(size=[32, 32], mode="RGB", mean=[0.5] * 3, std=[0.25] * 3, interpolation="bicubic",
                      resize_mode="shortest", fill_color=0)
    with open(f"{out}/open_clip/open_clip_config.json", "w") as f:
        json.dump(dict(model_cfg=config, preprocess_cfg=preprocess), f)


def inputs():
    torch.manual_seed(2)
    ids = torch.randint(0, 517, (3, 16))
    ids[:, 0], ids[:, 9:] = 518, 519
    return dict(input_ids=ids, pixel_values=torch.randn(3, 3, 32, 32))


def compare(a, b):
    one, other = [CLIPModel.from_pretrained(f, dtype=torch.float32).eval() for f in (a, b)]
    theirs = other.state_dict()
    for name, value in one.state_dict().items():
        assert torch.equal(value, theirs.pop(name)), name
    assert not theirs, theirs.keys()
    with torch.no_grad():
        assert torch.equal(one(**inputs()).logits_per_image, other(**inputs()).logits_per_image)
    texts = ["a red cat", "Red, RED & cat's 3!"]
    ids = [CLIPTokenizerFast.from_pretrained(f)(texts)["input_ids"] for f in (a, b)]
    assert ids[0] == ids[1], ids
    print("equal", len(one.state_dict()), "tensors, logits and token ids")


def compare_open_clip(ours, theirs):
    from safetensors.torch import load_file

    model, _ = open_clip_model()
    model.load_state_dict(load_file(f"{theirs}/open_clip_model.safetensors"))
    one = CLIPModel.from_pretrained(ours).eval()
    with torch.no_grad():
        given = inputs()
        features = model(given["pixel_values"], given["input_ids"])
        logits = features[2] * features[0] @ features[1].T
        difference = (one(**given).logits_per_image - logits).abs().max().item()
    # Two programs add in different orders.
    assert difference <= 1e-4 * logits.abs().max().item(), difference
    print("logits differ by at most", difference)


command, *arguments = sys.argv[1:]
{"write": write, "compare": compare, "open_clip": compare_open_clip}[command](*arguments)
