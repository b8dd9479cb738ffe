"""How an adapter fits a base: heads, vocabularies, copies of the base's weights, layouts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from studio.checkpoints.adapter_checks import refuse_vocabulary
from studio.checkpoints.adapter_fit import fitted
from studio.checkpoints.bias import Bias
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.joint import Joint, joined
from studio.checkpoints.layout import is_turned
from studio.checkpoints.lora import LoraModule
from studio.errors import BadCheckpoint, ShapeMismatch, StudioError
from studio.export.fidelity import check_fidelity
from studio.export.model import export
from tests.checkpoints.test_lora_options import merge, nudge
from tests.conftest import draw, save_adapter, save_model
from tests.merged import merged_tensors

LLAMA: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 32,
}  # fmt: skip
GPT2 = GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=40, n_positions=20)
FILE = "adapter_model.safetensors"


def save_llama(folder: Path, tied: bool = False, **options) -> nn.Module:
    """A base and an adapter, each in a folder; returns the model with the adapter."""
    torch.manual_seed(0)
    base = LlamaForCausalLM(LlamaConfig(**LLAMA, tie_word_embeddings=tied))
    base.save_pretrained(folder / "base")
    model = get_peft_model(base, LoraConfig(r=2, lora_alpha=3, **options))
    nudge(model, 1)
    model.save_pretrained(str(folder / "task1"))
    return model


def check(folder: Path) -> tuple[str, ...]:
    """Compare with what PEFT merges; returns the notes."""
    opened = merge(folder, "task1")
    base = LlamaForCausalLM.from_pretrained(folder / "base")
    whole = PeftModel.from_pretrained(base, str(folder / "task1")).merge_and_unload().state_dict()
    start = load_file(folder / "base" / "model.safetensors")
    ours = merged_tensors(opened)
    assert {name for name in start if not whole[name].equal(start[name])} == set(ours)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=1e-6)
    return opened.deltas.joins[0].notes


def test_copies_that_peft_saves_below_factors_are_left_out(tmp_path):
    save_llama(tmp_path, target_modules=["q_proj", "embed_tokens"])
    assert any("embed_tokens.base_layer" in name for name in load_file(tmp_path / "task1" / FILE))
    notes = check(tmp_path)
    assert (
        "1 tensors saved beside factors (model.embed_tokens.weight, …) equal the base's." in notes
    )


def test_a_copy_with_other_values_is_refused(tmp_path):
    save_llama(tmp_path, target_modules=["q_proj", "embed_tokens"])
    file = tmp_path / "task1" / FILE
    changed = {k: v + 1 if "base_layer" in k else v for k, v in load_file(file).items()}
    save_file(changed, file)
    with pytest.raises(ShapeMismatch, match="embed_tokens.weight with other values than the base"):
        merge(tmp_path, "task1")


def test_factors_on_an_untied_head_are_merged(tmp_path):
    save_llama(tmp_path, target_modules=["q_proj", "lm_head"])
    check(tmp_path)


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"target_modules": ["q_proj", "lm_head"]},
        {"target_modules": ["lm_head"]},
        {"target_modules": ["q_proj", "embed_tokens"]},
        {"target_modules": ["q_proj", "lm_head", "embed_tokens"]},
        {"target_modules": ["q_proj", "lm_head"], "ensure_weight_tying": True},
        {"target_modules": ["q_proj", "embed_tokens"], "ensure_weight_tying": True},
        {"target_modules": ["lm_head"], "use_dora": True},
    ],
)
@pytest.mark.filterwarnings("ignore:.*")
def test_factors_on_what_is_tied_move_all_of_it_as_peft_merges_them(tmp_path, options, copied):
    save_llama(tmp_path, tied=True, **options)
    file, embedding = tmp_path / "base" / "model.safetensors", "model.embed_tokens.weight"
    start = load_file(file)
    if copied:
        save_file(start | {"lm_head.weight": start[embedding].clone()}, file, {"format": "pt"})
    opened = merge(tmp_path, "task1")
    base = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    whole = PeftModel.from_pretrained(base, str(tmp_path / "task1")).merge_and_unload()
    export(opened, tmp_path / "out")
    found = LlamaForCausalLM.from_pretrained(tmp_path / "out")
    assert found.config.tie_word_embeddings
    assert not found.state_dict()[embedding].equal(start[embedding])
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=0, atol=1e-6)
    assert any(
        f"{embedding} is tied to lm_head.weight, which moves with it, as PEFT merges it" in note
        for note in opened.deltas.joins[0].notes
    )
    assert not opened.deltas.joins[0].private


@pytest.mark.filterwarnings("ignore:.*")
def test_lengths_under_both_names_of_a_tied_tensor_are_refused_by_cause(tmp_path):
    options = {"target_modules": ["embed_tokens"], "ensure_weight_tying": True, "use_dora": True}
    save_llama(tmp_path, tied=True, **options)
    with pytest.raises(BadCheckpoint, match=r"twice, by .* They are tied, and lengths \(DoRA\) of"):
        merge(tmp_path, "task1")


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "embed_tokens.weight"])
def test_what_peft_does_not_read_is_merged_and_compared_with_nothing(tmp_path, name):
    save_llama(tmp_path, target_modules=["q_proj"])
    file, trained = tmp_path / "task1" / FILE, torch.full((40, 16), 3.5)
    save_file(load_file(file) | {name: trained}, file)
    opened = merge(tmp_path, "task1")
    torch.testing.assert_close(merged_tensors(opened)["model.embed_tokens.weight"], trained)
    assert any(f"({name}, …) have no 'base_model.model.' before" in note
               for note in opened.deltas.joins[0].notes)  # fmt: skip
    assert "(2 of 3 tensors" in check_fidelity(opened)[0]


ENCODER: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 20,
}  # fmt: skip
BERT = transformers.BertConfig(**ENCODER)
MODERN: Any = transformers.ModernBertConfig(
    **ENCODER, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2
)
XLNET: Any = transformers.XLNetConfig(d_model=16, n_layer=2, n_head=2, d_inner=24, vocab_size=50)
T5: Any = transformers.T5Config(
    vocab_size=60, d_model=32, d_ff=48, d_kv=8, num_layers=1, num_heads=4
)
MASKED = "BertForMaskedLM"


def save_two(folder: Path, config: Any, base: str, trained: str, targets: list[str]) -> None:
    torch.manual_seed(0)
    getattr(transformers, base)(config).save_pretrained(folder / "base")
    options = LoraConfig(r=2, target_modules=targets, init_lora_weights=False)
    adapter = get_peft_model(getattr(transformers, trained)(config), options)
    adapter.save_pretrained(str(folder / "task1"), save_embedding_layers=False)


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize(
    ("config", "base", "trained", "targets", "words"),
    [
        (BERT, MASKED, "BertForSequenceClassification", ["query", "pooler.dense"],
         r"on bert.pooler.dense.weight, a head that the base \(BertForMaskedLM\) does not hold"),
        (BERT, MASKED, "BertModel", ["query", "pooler.dense"],
         r"factors on pooler.dense.weight, a head that the base \(BertForMaskedLM\) does not hold"),
        (BERT, "BertModel", MASKED, ["query", "decoder"], "on cls.predictions.decoder.weight, a "),
        (MODERN, "ModernBertModel", "ModernBertForMaskedLM", ["Wqkv", "decoder", "head.dense"],
         "on decoder.weight, head.dense.weight, a head that the base"),
        (XLNET, "XLNetLMHeadModel", "XLNetForSequenceClassification",
         ["layer_1", "logits_proj", "summary"],
         "on logits_proj.weight, sequence_summary.summary.weight, a head"),
        (T5, "T5EncoderModel", "T5ForConditionalGeneration", ["q"],
         "decoder.block.0.layer.0.SelfAttention.q, .* belongs to another base model"),
    ],
)  # fmt: skip
def test_a_head_that_the_base_lacks_is_called_one(tmp_path, config, base, trained, targets, words):
    save_two(tmp_path, config, base, trained, targets)
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        merge(tmp_path, "task1")


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize(("config", "model"), [(BERT, MASKED), (MODERN, "ModernBertForMaskedLM")])
def test_a_tied_decoder_is_where_the_base_stores_it(tmp_path, config, model):
    save_two(tmp_path, config, model, model, ["decoder"])
    (name,) = merge(tmp_path, "task1").deltas.names
    assert name.endswith(("word_embeddings.weight", "tok_embeddings.weight"))


@pytest.mark.filterwarnings("ignore:.*")
def test_a_tied_base_may_be_stored_under_the_other_name(tmp_path):
    save_llama(tmp_path, tied=True, target_modules=["q_proj", "embed_tokens"])
    expected = merged_tensors(merge(tmp_path, "task1"))
    file, embedding = tmp_path / "base" / "model.safetensors", "model.embed_tokens.weight"
    stored = load_file(file)
    save_file(stored | {"lm_head.weight": stored.pop(embedding)}, file, {"format": "pt"})
    found = merged_tensors(merge(tmp_path, "task1"))
    assert found.pop("lm_head.weight").equal(expected.pop(embedding))
    assert all(found[name].equal(expected[name]) for name in {*found, *expected})


def test_dora_under_both_names_of_a_tied_tensor_is_refused(tmp_path):
    options = {"target_modules": ["lm_head", "embed_tokens"], "use_dora": True}
    save_llama(tmp_path, tied=True, **options)
    with pytest.raises(BadCheckpoint, match="changes model.embed_tokens.weight twice, by lm_head"):
        merge(tmp_path, "task1")


def test_factors_are_added_up_unless_one_has_magnitudes():
    plain = LoraModule("a", "a.A", "a.B", None, False, 2, 1.0, False)
    found = joined(plain, plain)
    assert isinstance(found, Joint)
    assert found.stored == ("a.A", "a.B") * 2
    assert joined(plain, replace(plain, magnitude="a.m")) is None


def test_token_rows_of_a_tied_base_count_once(tmp_path):
    rows = {"embed_tokens": [5, 39], "lm_head": [5, 39]}
    save_llama(tmp_path, True, target_modules=["q_proj"], trainable_token_indices=rows)
    merged = merged_tensors(merge(tmp_path, "task1"))["model.embed_tokens.weight"]
    start = load_file(tmp_path / "base" / "model.safetensors")["model.embed_tokens.weight"]
    trained = load_file(tmp_path / "task1" / FILE)
    (values,) = (v for k, v in trained.items() if "trainable_tokens" in k)
    expected = start.index_copy(0, torch.tensor([5, 39]), values)
    torch.testing.assert_close(merged, expected, rtol=0, atol=1e-6)
    untied = LlamaForCausalLM(LlamaConfig(**LLAMA, tie_word_embeddings=False))
    untied.save_pretrained(tmp_path / "base")
    with pytest.raises(ShapeMismatch, match="which were tied where it was trained"):
        merge(tmp_path, "task1")


def test_a_raw_state_dict_with_the_adapters_name_is_read(tmp_path):
    model = save_llama(tmp_path, target_modules=["q_proj"], modules_to_save=["norm"])
    parts = ("lora_", "modules_to_save", "original_module")
    raw = {k: v for k, v in model.state_dict().items() if any(part in k for part in parts)}
    expected = merged_tensors(merge(tmp_path, "task1"))
    save_file({k: v.clone() for k, v in raw.items()}, tmp_path / "task1" / FILE)
    opened = merge(tmp_path, "task1")
    found = merged_tensors(opened)
    assert set(found) == set(expected)
    assert all(found[name].equal(expected[name]) for name in found)
    notes = opened.deltas.joins[0].notes
    assert "The adapter's name 'default' is left out of its tensors' names." in notes
    assert any("named original_module are copies of the base's" in note for note in notes)


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("apart", [False, True])
def test_a_module_that_peft_saves_three_times_is_read_as_peft_reads_it(tmp_path, apart):
    """As it does with ``save_embedding_layers``, by itself where a vocabulary was resized."""
    saved = ["embed_tokens", "lm_head"]
    model: Any = save_llama(tmp_path, target_modules=["q_proj"], modules_to_save=saved)
    model.save_pretrained(str(tmp_path / "task1"), save_embedding_layers=True)
    file = tmp_path / "task1" / FILE
    stored = load_file(file)
    copies = [name for name in stored if name.endswith(".modules_to_save.weight")]
    assert len(copies) == len([name for name in stored if ".original_module." in name]) == 2
    if apart:
        save_file(stored | {name: stored[name] + 1 for name in copies}, file)
    assert any("2 tensors are stored twice: base_model.model.lm_head" in n for n in check(tmp_path))


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("kind", ["Bert", "Roberta"])  # heads of one layer, and of two
def test_all_biases_beside_a_saved_head_are_merged(tmp_path, kind):
    model_class = getattr(transformers, f"{kind}ForSequenceClassification")
    torch.manual_seed(0)
    model = model_class(getattr(transformers, f"{kind}Config")(**ENCODER))
    model.save_pretrained(tmp_path / "base")
    options = LoraConfig(r=2, target_modules=["query"], bias="all", task_type="SEQ_CLS")
    adapter = get_peft_model(model, options)
    nudge(adapter, 1)
    adapter.save_pretrained(str(tmp_path / "task1"))
    base = model_class.from_pretrained(tmp_path / "base")
    start = {name: value.clone() for name, value in base.state_dict().items()}
    whole = PeftModel.from_pretrained(base, str(tmp_path / "task1")).merge_and_unload().state_dict()
    ours = merged_tensors(merge(tmp_path, "task1"))
    changed = {name for name in start if not whole[name].equal(start[name])}
    assert {name for name in changed if not name.startswith("classifier.")} == set(ours)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=1e-6)


def test_another_vocabulary_is_refused_with_both_numbers(tmp_path):
    save_llama(tmp_path, target_modules=["q_proj"])
    file = tmp_path / "task1" / FILE
    for rows, word in ((37, "cut"), (43, "extended")):
        embedding = {"base_model.model.model.embed_tokens.weight": torch.ones(rows, 16)}
        save_file(load_file(file) | embedding, file)
        with pytest.raises(ShapeMismatch, match=f"{rows} rows of .* base has 40. .* was {word}"):
            merge(tmp_path, "task1")
    base = open_checkpoint(tmp_path / "base")
    refuse_vocabulary(base, "x", base, {"lm_head.weight": "lm_head.weight"})
    save_llama(tmp_path / "other", target_modules=["embed_tokens"])
    small = LlamaConfig(**LLAMA, tie_word_embeddings=False)
    small.vocab_size = 30
    LlamaForCausalLM(small).save_pretrained(tmp_path / "other" / "base")
    with pytest.raises(ShapeMismatch, match="are of a vocabulary of 40 rows; .* has 30 rows"):
        merge(tmp_path / "other", "task1")


def test_a_bias_that_the_base_lacks_is_refused_by_name(tmp_path):
    with pytest.warns(UserWarning, match="has no bias"):
        save_llama(tmp_path, target_modules=["q_proj"], lora_bias=True)
    with pytest.raises(
        BadCheckpoint, match=r"trains biases \(lora_bias\) of model.layers.0.self_attn"
    ):
        merge(tmp_path, "task1")
    assert Bias("a.b", "x", 1.0).target == "a.b.bias"


@pytest.mark.parametrize("said", [True, False])
def test_the_base_tells_how_a_square_layer_is_stored(tmp_path, said):
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2).save_pretrained(tmp_path / "base")
    options = LoraConfig(r=2, target_modules=["attn.c_proj"], fan_in_fan_out=True)
    adapter = get_peft_model(GPT2LMHeadModel.from_pretrained(tmp_path / "base"), options)
    nudge(adapter, 1)
    adapter.save_pretrained(str(tmp_path / "task1"))
    file = tmp_path / "task1" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"fan_in_fan_out": said}))
    base = GPT2LMHeadModel.from_pretrained(tmp_path / "base")
    whole = PeftModel.from_pretrained(base, str(tmp_path / "task1")).merge_and_unload()
    opened = merge(tmp_path, "task1")
    ((name, ours),) = merged_tensors(opened).items()
    torch.testing.assert_close(ours, whole.state_dict()[name], rtol=0, atol=1e-6)
    notes = [each for each in opened.deltas.joins[0].notes if "fan_in_fan_out" in each]
    assert bool(notes) is not said


def test_layers_tell_by_their_biases_how_they_are_stored():
    straight, turned = {"a.weight": (6, 4), "a.bias": (6,)}, {"b.weight": (4, 6), "b.bias": (6,)}
    square = {"c.weight": (4, 4), "c.bias": (4,), "wte.weight": (9, 4)}
    assert is_turned(square | straight) is False
    assert is_turned(square | turned) is True
    assert is_turned(square) is None
    assert is_turned(straight | turned) is None


def test_a_quantized_base_is_refused_before_any_work(tmp_path):
    save_model(tmp_path / "base", {"a.weight": torch.ones(6, 4, dtype=torch.int8)})
    save_adapter(tmp_path / "task1", {"a": (torch.ones(2, 4), torch.ones(6, 2))})
    with pytest.raises(BadCheckpoint, match="base holds quantized weights: a.weight"):
        merge(tmp_path, "task1")


def test_one_tensor_changed_by_two_modules_is_refused(tmp_path):
    save_model(tmp_path / "base", draw(0, {"layer.0.dense.weight": (6, 4)}))
    rows = {"base_model.model.layer.0.dense.lora_A.weight": torch.ones(2, 4),
            "base_model.model.layer.0.dense.lora_B.weight": torch.ones(6, 2),
            "base_model.model.layer.0.dense.trainable_tokens_delta": torch.ones(1, 4)}  # fmt: skip
    save_adapter(tmp_path / "task1", {"a": (torch.ones(2, 4), torch.ones(6, 2))},
                 trainable_token_indices=[1])  # fmt: skip
    save_file(rows, tmp_path / "task1" / FILE)
    with pytest.raises(StudioError, match="trains token rows of layer.0.dense beside"):
        merge(tmp_path, "task1")


def test_factors_on_fused_experts_that_the_options_do_not_name_are_refused(tmp_path):
    shapes = {"layers.0.mlp.experts.down_proj": (2, 4, 6), "layers.0.q_proj.weight": (4, 4)}
    save_model(tmp_path / "base", draw(0, shapes))
    factors = {"layers.0.mlp.experts": (torch.ones(4, 4), torch.ones(6, 4))}
    save_adapter(tmp_path / "task1", factors)
    with pytest.raises(BadCheckpoint, match=r"experts itself \(fused experts\), but its options"):
        merge(tmp_path, "task1")


def test_another_base_is_told_by_both_names(tmp_path):
    save_model(tmp_path / "plain", draw(0, {"a.weight": (6, 4)}))
    factors = {"a": (torch.ones(2, 4), torch.ones(6, 2))}
    for name, told in (("org/instruct", ("It names the base 'org/instruct'",)), ("org/plain", ())):
        save_adapter(tmp_path / "task", factors, base_model_name_or_path=name)
        found = fitted(
            open_checkpoint(tmp_path / "plain"), "task", open_checkpoint(tmp_path / "task")
        )
        assert len(found.notes) == len(told)
        assert all(note.startswith(words) for note, words in zip(found.notes, told, strict=True))


def test_a_module_that_is_in_two_towers_is_refused_unless_the_class_tells(tmp_path):
    both = draw(0, {f"{tower}.layers.0.a.weight": (6, 4) for tower in ("text", "picture")})
    save_model(tmp_path / "base", both)
    save_adapter(tmp_path / "task", {"layers.0.a": (torch.ones(2, 4), torch.ones(6, 2))})
    with pytest.raises(BadCheckpoint, match="in the base 2 times, under 'picture.' and 'text.'"):
        fitted(open_checkpoint(tmp_path / "base"), "task", open_checkpoint(tmp_path / "task"))
