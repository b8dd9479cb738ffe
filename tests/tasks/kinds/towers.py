"""Tiny models of two towers, their experts, and what transformers says itself of some pictures."""

import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as t
from PIL import Image
from torch import Tensor

from tests.tasks.kinds import classifiers, pictures

LABELS = ("w3 w4", "w5", "w6 w7 w8")
TEMPLATES = ("w1 w2 {}", "{} w9")
SIDE = pictures.SIDE
_SIZE: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip
_TEXT = _SIZE | {"vocab_size": 64, "max_position_embeddings": 16, "pad_token_id": 0}
_VISION = _SIZE | {"image_size": SIDE, "patch_size": 8}
_ENDS = {"bos_token_id": 2, "eos_token_id": 3}
EXPERTS = ("whole", "vision", "lora")


def config_of(family: str) -> Any:
    """Of a small model of both towers."""
    if family == "Siglip2":
        vision = _SIZE | {"patch_size": 8, "num_patches": 16}
        return t.Siglip2Config(text_config=_TEXT | {"projection_size": 32}, vision_config=vision)
    if family == "Siglip":
        return t.SiglipConfig(text_config=_TEXT | {"projection_size": 32}, vision_config=_VISION)
    own: dict[str, Any] = {"projection_dim": 16}
    config = getattr(t, f"{family}Config")
    return config(text_config=_TEXT | own | _ENDS, vision_config=_VISION | own, **own)


def built(folder: Path, family: str) -> Path:
    """A base and the experts: both towers trained, the vision tower alone, a LoRA on that."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    whole, vision = getattr(t, f"{family}Model"), getattr(t, f"{family}VisionModel")
    patches, much = (1.0, 0.06) if family == "Siglip2" else (0.2, 0.2)
    base = _moved(whole(config_of(family)), 5, patches=patches)
    with torch.no_grad():
        base.logit_scale.fill_(3.0)
    base.save_pretrained(folder / "base")
    readers(folder / "base", family)
    _moved(whole.from_pretrained(folder / "base"), 1).save_pretrained(folder / "whole")
    _moved(vision.from_pretrained(folder / "base"), 2, much).save_pretrained(folder / "vision")
    layers = r"vision_model\..*\.(q_proj|v_proj)"
    told = LoraConfig(r=4, target_modules=layers, init_lora_weights=False)
    get_peft_model(whole.from_pretrained(folder / "base"), told).save_pretrained(
        str(folder / "lora")
    )
    return folder


def readers(folder: Path, family: str) -> None:
    """Write the tokenizer and the image processor of a family."""
    _tokenizer(folder, family)
    _processor(family).save_pretrained(folder)


def expert(folder: Path, family: str, name: str) -> Any:
    """One expert as transformers and PEFT open it, with the base's text tower if it has none."""
    from peft import PeftModel

    whole = getattr(t, f"{family}Model")
    if name == "whole":
        return whole.from_pretrained(folder / "whole").eval()
    model = whole.from_pretrained(folder / "base")
    if name == "vision":
        own = getattr(t, f"{family}VisionModel").from_pretrained(folder / "vision")
        model.vision_model.load_state_dict(own.state_dict())
    elif name == "lora":
        model = PeftModel.from_pretrained(model, str(folder / "lora")).merge_and_unload()
    return model.eval()


def logits(folder: Path, model: Any) -> Tensor:
    """``logits_per_image`` of every picture, of the labels as they are."""
    return outputs(folder, model, "{}").logits_per_image


def outputs(folder: Path, model: Any, template: str) -> Any:
    """What the model says of every picture and one sentence per label."""
    tokenizer = t.AutoTokenizer.from_pretrained(folder / "base")
    padding = "max_length" if "Siglip" in type(model).__name__ else True
    texts = [template.replace("{}", label) for label in LABELS]
    told = {"padding": padding, "max_length": 16, "truncation": True, "return_tensors": "pt"}
    read = {k: x for k, x in tokenizer(texts, **told).items() if k != "token_type_ids"}
    shown = t.AutoImageProcessor.from_pretrained(folder / "base", backend="pil")(
        [Image.fromarray(each) for each in pictures.images()], return_tensors="pt"
    )
    with torch.no_grad():
        return model(**read, **shown)


def write_zoo(folder: Path, said: dict[str, list[int]], file: str, **entry: Any) -> Path:
    """A file of a zoo of the named experts, whose rows have the given labels."""
    tasks = []
    for name, answers in said.items():
        np.savez(folder / f"{name}.npz", images=pictures.images(), labels=np.array(answers))
        data = {"held_out": f"{name}.npz", "validation": f"{name}.npz"}
        about = {"name": name, "checkpoint": name, "type": "image-classification", "data": data}
        whole = about | {"labels": list(LABELS), "templates": ["{}"]} | entry
        tasks.append({key: value for key, value in whole.items() if value is not None})
    (folder / file).write_text(json.dumps({"base": "base", "tasks": tasks}))
    return folder / file


def _moved(model: Any, seed: int, much: float = 0.2, patches: float = 0.2) -> Any:
    """With weights moved, and biases little, so that pictures are told apart."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=draw)
            scale = patches if "patch_embedding" in name else much
            parameter.add_(noise * (scale if parameter.ndim > 1 else 0.02))
    return model


def _tokenizer(folder: Path, family: str) -> None:
    """Of words; of Siglip2 the class's own, of letters."""
    if family != "Siglip2":
        classifiers.tokenizer(folder)
        return
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *string.ascii_lowercase]
    vocab = {token: place for place, token in enumerate([*tokens, *string.digits])}
    t.Siglip2Tokenizer(vocab=vocab, merges=[]).save_pretrained(folder)


def _processor(family: str) -> Any:
    side = {"height": SIDE, "width": SIDE}
    if family == "Siglip2":
        return t.Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    if family == "Siglip":
        return t.SiglipImageProcessorPil(size=side)
    return t.CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=side)
