"""Every LoRA option that PEFT saves, against PEFT's own ``merge_and_unload``."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
)

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.low_rank import Dora, Factors
from studio.checkpoints.resident import keep_in_memory
from studio.errors import BadCheckpoint, ShapeMismatch
from studio.merge import merged_pieces, open_merge
from studio.recipe import Recipe, TaskEntry
from tests.conftest import draw, save_model
from tests.merged import merged_tensors, source_of

BERT = BertConfig(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    vocab_size=50, max_position_embeddings=20,
)  # fmt: skip
GPT2 = GPT2Config(
    n_embd=16, n_layer=2, n_head=2, vocab_size=50, n_positions=20, bos_token_id=0, eos_token_id=0
)
# name: (model class, its configuration, options of the adapter)
OPTIONS = {
    "plain": (BertModel, BERT, {"target_modules": ["query", "value"]}),
    "regex": (BertModel, BERT, {"target_modules": r".*\.layer\.1\..*(query|dense)"}),
    "all-linear": (BertModel, BERT, {"target_modules": "all-linear"}),
    "some layers": (BertModel, BERT, {"target_modules": ["query"], "layers_to_transform": [1]}),
    "rslora": (BertModel, BERT, {"target_modules": ["query"], "use_rslora": True}),
    "patterns": (
        BertModel,
        BERT,
        {
            "target_modules": ["query", "key"],
            "rank_pattern": {"layer.0.attention.self.query": 2, "key": 3},
            "alpha_pattern": {"^encoder.layer.1.attention.self.key": 5, "query": 3},
            "use_rslora": True,
        },
    ),
    "expressions": (
        BertModel,
        BERT,
        {
            "target_modules": ["query", "key", "value"],
            "rank_pattern": {r".*layer\.[0]\..*(query|key)": 2, "self.k?ey": 3},
            "alpha_pattern": {r"^encoder\.layer\.\d+\..*value$": 5, "que.y": 3},
        },
    ),
    "bias of factors": (
        BertModel, BERT, {"target_modules": ["query", "output.dense"], "lora_bias": True},
    ),
    "token rows": (
        BertModel, BERT,
        {"target_modules": ["query"], "trainable_token_indices": {"word_embeddings": [7, 3, 49]}},
    ),
    "token rows of the input": (
        BertModel, BERT, {"target_modules": ["query"], "trainable_token_indices": [1, 0]},
    ),
    "bias all": (BertModel, BERT, {"target_modules": ["query"], "bias": "all"}),
    "bias of lora": (BertModel, BERT, {"target_modules": ["query"], "bias": "lora_only"}),
    "saved modules": (
        BertModel, BERT, {"target_modules": ["query"], "modules_to_save": ["LayerNorm", "pooler"]},
    ),
    "embedding": (BertModel, BERT, {"target_modules": ["query", "word_embeddings"]}),
    "a head beside": (
        BertForSequenceClassification, BERT, {"target_modules": ["query"], "task_type": "SEQ_CLS"},
    ),
    "transposed": (
        GPT2LMHeadModel, GPT2, {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True},
    ),
    "transposed embedding": (
        GPT2LMHeadModel, GPT2, {"target_modules": ["c_fc", "wpe"], "fan_in_fan_out": True},
    ),
    "dora": (BertModel, BERT, {"target_modules": ["query", "dense"], "use_dora": True}),
    "dora embedding": (BertModel, BERT, {"target_modules": ["word_embeddings"], "use_dora": True}),
    "dora transposed": (
        GPT2LMHeadModel, GPT2,
        {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True, "use_dora": True},
    ),
}  # fmt: skip


def nudge(model: nn.Module, seed: int) -> None:
    """Move everything that is trained, as training would."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)


def save_trained(folder: Path, case: str, seed: int = 1) -> Path:
    """The base and an adapter trained with the options of a case, each in a folder."""
    cls, config, options = OPTIONS[case]
    torch.manual_seed(0)
    model = cls(config)
    (model.bert if case == "a head beside" else model).save_pretrained(folder / "base")
    adapter = get_peft_model(model, LoraConfig(r=4, lora_alpha=6, **options))
    nudge(adapter, seed)
    adapter.save_pretrained(str(folder / f"task{seed}"))
    torch.manual_seed(0)
    whole = PeftModel.from_pretrained(cls(config), str(folder / f"task{seed}"))
    whole.merge_and_unload().save_pretrained(folder / f"merged{seed}")
    return folder


def merge(folder: Path, *names: str, **fields):
    tasks = tuple(TaskEntry(name, str(folder / name), 1.0) for name in names)
    return open_merge(Recipe(str(folder / "base"), tasks, "task_arithmetic", **fields))


@pytest.mark.parametrize("case", OPTIONS)
def test_one_adapter_is_what_peft_merges(tmp_path, case):
    opened = merge(save_trained(tmp_path, case), "task1")
    expected = load_file(tmp_path / "merged1" / "model.safetensors")
    expected = {name.removeprefix("bert."): tensor for name, tensor in expected.items()}
    base = load_file(tmp_path / "base" / "model.safetensors")
    changed = {name for name in base if not expected[name].equal(base[name])}
    ours = merged_tensors(opened)
    assert changed == set(ours)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", ["saved modules", "dora", "dora transposed", "dora embedding"])
def test_cuts_and_memory_change_no_bit(tmp_path, case):
    save_trained(tmp_path, case)
    opened, held = merge(tmp_path, "task1"), merge(tmp_path, "task1")
    assert keep_in_memory(held.deltas, 10**9)
    for name, tensor in merged_tensors(opened).items():
        for each in (opened, held):
            for size in (1, 7, 100, 2**16):
                pieces = [piece.clone() for piece in merged_pieces(each, name, size)]
                assert torch.cat(pieces).equal(tensor.flatten()), (name, size)


def test_a_full_checkpoint_a_lora_and_a_dora_are_added_up(tmp_path):
    save_trained(tmp_path, "saved modules", 1)
    save_trained(tmp_path, "dora", 2)
    ours = merged_tensors(merge(tmp_path, "task1", "task2", "merged1"))
    base, one, two = (
        load_file(tmp_path / name / "model.safetensors") for name in ("base", "merged1", "merged2")
    )
    for name, tensor in ours.items():
        expected = 2 * one[name] + two[name] - 2 * base[name]
        torch.testing.assert_close(tensor, expected, rtol=0, atol=3e-6)


def test_low_rank_deltas_stay_factors_and_dora_is_dense(tmp_path):
    opened = merge(save_trained(tmp_path, "transposed"), "task1")
    source = source_of(opened, "transformer.h.0.attn.c_attn.weight")
    assert isinstance(source, Factors)
    assert (source.b.shape, source.a.shape) == ((16, 4), (4, 48))
    opened = merge(save_trained(tmp_path / "dora", "dora"), "task1")
    assert isinstance(source_of(opened, "encoder.layer.0.attention.self.query.weight"), Dora)


def test_the_digest_of_a_plain_adapter_depends_on_rank_and_alpha_alone(tmp_path):
    save_trained(tmp_path, "plain")
    file = tmp_path / "task1" / "adapter_config.json"
    before = open_checkpoint(tmp_path / "task1").digest
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"lora_dropout": 0.5, "target_modules": "all-linear"}))
    assert open_checkpoint(tmp_path / "task1").digest == before
    digests = {before}
    for change in ({"use_rslora": True}, {"alpha_pattern": {"query": 3}}, {"fan_in_fan_out": True}):
        file.write_text(json.dumps(config | change))
        digests.add(open_checkpoint(tmp_path / "task1").digest)
    assert len(digests) == 4


def test_options_that_are_absent_are_those_of_peft(tmp_path):
    torch.manual_seed(0)
    BertModel(BERT).save_pretrained(tmp_path / "base")
    base = BertModel.from_pretrained(tmp_path / "base")
    adapter = get_peft_model(base, LoraConfig(r=8, lora_alpha=8, target_modules=["query"]))
    nudge(adapter, 1)
    adapter.save_pretrained(str(tmp_path / "task1"))
    expected = merged_tensors(merge(tmp_path, "task1"))
    file = tmp_path / "task1" / "adapter_config.json"
    config = json.loads(file.read_text())
    both = "r, read as 8 and lora_alpha, read as 8"
    for absent, words in ((["lora_alpha"], "lora_alpha, read as 8"), (["r", "lora_alpha"], both)):
        file.write_text(json.dumps({k: v for k, v in config.items() if k not in absent}))
        opened = merge(tmp_path, "task1")
        assert all(value.equal(expected[name]) for name, value in merged_tensors(opened).items())
        note = f"adapter_config.json lacks {words}, PEFT's default."
        assert note in opened.deltas.joins[0].notes
    file.write_text(json.dumps(config | {"r": None}))
    with pytest.raises(BadCheckpoint, match="r=None and lora_alpha=8 are no rank"):
        merge(tmp_path, "task1")


ROOT = "base_model.model."
QUERY = ROOT + "encoder.layer.0.attention.self.query."


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("plain", lambda t: {k: v for k, v in t.items() if k != QUERY + "lora_B.weight"},
         "lora_A.weight has no partner lora_B"),
        ("plain", lambda t: t | {QUERY + "lora_magnitude_vector": torch.ones(16)},
         "use_dora=False in adapter_config.json, but encoder.layer.0.attention.self.query has a "),
        ("dora", lambda t: t | {QUERY + "lora_magnitude_vector": torch.ones(15)},
         "has 16 outputs"),
        ("plain", lambda t: t | {QUERY + "lora_B.bias": torch.ones(16)},
         "lora_bias=False in adapter_config.json, but .* has a lora_B.bias"),
        ("plain", lambda t: t | {QUERY + "lora_C.weight": torch.ones(16)}, "is a kind of LoRA"),
        ("plain", lambda t: t | {QUERY + "lora_A.weight": torch.ones(3, 16),
                                 QUERY + "lora_B.weight": torch.ones(16, 3)},
         r"have rank 3, but the options \(r, rank_pattern\) give it rank 4"),
        ("plain", lambda t: t | {QUERY + "lora_A.weight": torch.ones(0),
                                 QUERY + "lora_B.weight": torch.ones(0)},
         r"lora_A.weight is empty, of shape \(0,\): the adapter was saved while DeepSpeed ZeRO-3"),
        ("bias of factors", lambda t: t | {QUERY + "lora_B.bias": torch.ones(15)},
         r"lora_B.bias is \(15,\), but .*query.bias is \(16,\)"),
        ("plain", lambda t: t | {ROOT + "encoder.layer.0.attention.self.query.weight":
                                 torch.ones(16, 16)}, "whole and as factors"),
        ("saved modules", lambda t: t | {ROOT + "embeddings.LayerNorm.weight": torch.ones(15)},
         "embeddings.LayerNorm.weight \\(15,\\) instead of \\(16,\\)"),
        ("plain", lambda t: t | {ROOT + "encoder.layer.9.output.dense.bias": torch.ones(16)},
         "in layers that the base does not have"),
    ],
)  # fmt: skip
def test_an_adapter_that_cannot_be_right_is_refused_in_words(tmp_path, case, change, words):
    file = save_trained(tmp_path, case) / "task1" / "adapter_model.safetensors"
    save_file(change(load_file(file)), file)
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        merge(tmp_path, "task1")


def test_factors_on_a_head_are_refused(tmp_path):
    base = draw(0, {"classifier.weight": (4, 4), "layer.0.dense.weight": (4, 4)})
    save_model(tmp_path / "base", base)
    tensors = draw(1, {f"{ROOT}classifier.lora_A.weight": (2, 4),
                       f"{ROOT}classifier.lora_B.weight": (4, 2)})  # fmt: skip
    (tmp_path / "task1").mkdir()
    save_file(tensors, tmp_path / "task1" / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2}
    (tmp_path / "task1" / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(BadCheckpoint, match=r"factors on classifier.weight, a head"):
        merge(tmp_path, "task1")
