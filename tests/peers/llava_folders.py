"""Folders of a tiny LLaVA and of adapters beside it as transformers 5 and PEFT write them, and what they make of ours.

usage: python llava_folders.py write OUT            makes OUT/llava, OUT/sharded (bfloat16), and with PEFT the adapters of
                                                    OUT/llava: OUT/adapter, OUT/stabilised (rsLoRA, and a projector of its own)
       python llava_folders.py answer FOLDER QUESTION OUT [ADAPTER]
                                                    loads model, tokenizer and processor, asks, and writes token ids and logits

QUESTION is a folder with picture.png and question.json: {"question", "answer"}.
transformers 5, torch 2.13, tokenizers 0.22, PEFT 0.21 (left out where it is not installed).
"""

import json
import os
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import (AutoProcessor, CLIPImageProcessor, CLIPVisionConfig, LlamaConfig, LlamaTokenizer, LlavaConfig,
                          LlavaForConditionalGeneration, LlavaProcessor)

TEXTS = ["USER: What do you see? ASSISTANT: There is a red square.", "What color is the circle? It is blue.",
         "a small green star on the left of a yellow moon", "How many things are there? Two."]
# Vicuna's turns, with an end after every answer.
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ part['text'] + eos_token }}{% endgeneration %}"
    "{% else %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def tokenizer():
    """As Llama's: byte-fallback pairs over words that begin with a bar, learnt from a few lines."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    start = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    learnt = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    learnt.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    learnt.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=400, special_tokens=start, show_progress=False))
    model = json.loads(learnt.to_str())["model"]
    vocabulary = model["vocab"]
    made = LlamaTokenizer(vocab=vocabulary, merges=[tuple(m) for m in model["merges"]], pad_token="<unk>")
    made.add_tokens(["<image>"], special_tokens=True)
    return made


def write(out):
    torch.manual_seed(1)
    words = tokenizer()
    image = words.convert_tokens_to_ids("<image>")
    vision = CLIPVisionConfig(hidden_size=24, intermediate_size=96, num_hidden_layers=3, num_attention_heads=3,
                              image_size=32, patch_size=8, projection_dim=8)
    text = LlamaConfig(hidden_size=32, intermediate_size=88, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, vocab_size=image + 7, max_position_embeddings=256, bos_token_id=1,
                       eos_token_id=2, pad_token_id=0, tie_word_embeddings=False)
    model = LlavaForConditionalGeneration(LlavaConfig(vision_config=vision, text_config=text, image_token_index=image,
                                                      image_seq_length=16, tie_word_embeddings=False))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    folder = f"{out}/llava"
    model.save_pretrained(folder)
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(pictures, words, patch_size=8, vision_feature_select_strategy="default", chat_template=TEMPLATE,
                   num_additional_image_tokens=1).save_pretrained(folder)
    write_adapters(out, folder)
    model.to(torch.bfloat16).save_pretrained(f"{out}/sharded", max_shard_size="40KB")
    for name in os.listdir(folder):
        if not name.startswith("model") and name != "config.json":
            shutil.copy(f"{folder}/{name}", f"{out}/sharded/{name}")
    print("wrote", json.dumps({name: sorted(os.listdir(f"{out}/{name}")) for name in sorted(os.listdir(out))}))


def write_adapters(out, folder):
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        return
    layers = r".*language_model\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    kinds = {
        "adapter": dict(r=4, lora_alpha=8, target_modules=layers),
        # Of some layers only, one of them in the image tower.
        "stabilised": dict(r=4, lora_alpha=6, use_rslora=True, modules_to_save=["multi_modal_projector"],
                           target_modules=r".*(language_model\..*\.(q_proj|up_proj)|vision_tower.*\.0\.mlp\.fc1)"),
    }
    for name, options in kinds.items():
        model = LlavaForConditionalGeneration.from_pretrained(folder)
        adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **options))
        with torch.no_grad():
            for key, parameter in adapted.named_parameters():
                if "lora_B" in key or "modules_to_save" in key:
                    parameter.add_(0.1 * torch.randn_like(parameter))
        adapted.save_pretrained(f"{out}/{name}")


def load(folder, adapter):
    model, info = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info.values()), info
    if adapter is None:
        return model.eval()
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(model, adapter)
    loaded = PeftModel.load_adapter(adapted, adapter, adapter_name="again")
    # Keys of the layers themselves are missing in an adapter; none of its own may be.
    missing = [key for key in loaded.missing_keys if "lora_" in key or "modules_to_save.again" in key]
    assert not missing and not loaded.unexpected_keys, (missing, loaded.unexpected_keys)
    return adapted.eval()


def answer(folder, question, out, adapter=None):
    from PIL import Image

    with open(f"{question}/question.json") as f:
        texts = json.load(f)
    processor = AutoProcessor.from_pretrained(folder)
    turns = [
        dict(role="user", content=[dict(type="image"), dict(type="text", text=texts["question"])]),
        dict(role="assistant", content=[dict(type="text", text=texts["answer"])]),
    ]
    written = processor.apply_chat_template(turns)
    given = processor(images=Image.open(f"{question}/picture.png"), text=written, add_special_tokens=False,
                      return_tensors="pt")
    with torch.no_grad():
        logits = load(folder, adapter)(**given).logits[0]
    save_file(dict(ids=given["input_ids"][0].float(), logits=logits.contiguous()), out)


command, *arguments = sys.argv[1:]
{"write": write, "answer": answer}[command](*arguments)
