"""Tied weights: stored once, as copies, or trained apart; against transformers."""

import json

import pytest
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.names import named
from studio.checkpoints.ties import base_copies
from studio.errors import BadCheckpoint
from studio.evidence.residue import residue
from studio.evidence.unmerge import unmerging
from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.architectures import examples, moved

EXAMPLES = examples()
HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def save(folder, tensors):
    save_file(
        {name: value.contiguous() for name, value in tensors.items()}, folder, {"format": "pt"}
    )


@pytest.fixture
def tied(tmp_path):
    """A tied base, a tied expert, and one whose head was trained apart."""
    config = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    for seed, name in ((1, "along"), (2, "apart")):
        moved(LlamaForCausalLM.from_pretrained(tmp_path / "base"), seed).save_pretrained(
            tmp_path / name
        )
    file = tmp_path / "apart" / "model.safetensors"
    stored = load_file(file)
    save(file, stored | {HEAD: stored[EMBEDDING] + 0.1})
    return tmp_path


def merged(folder, *names):
    tasks = tuple(TaskEntry(name, str(folder / name), 0.5) for name in names)
    merge = open_merge(Recipe(str(folder / "base"), tasks, "task_arithmetic"))
    out = folder / f"merged-{'-'.join(names)}"
    export(merge, out)
    return (
        merge,
        load_file(out / "model.safetensors"),
        json.loads((out / "config.json").read_text()),
    )


def test_a_tied_expert_stays_tied(tied):
    _, tensors, config = merged(tied, "along")
    assert HEAD not in tensors
    assert config["tie_word_embeddings"] is True


def test_a_head_that_was_trained_apart_is_written_apart_and_told(tied):
    merge, tensors, config = merged(tied, "along", "apart")
    base, along, apart = (
        load_file(tied / n / "model.safetensors") for n in ("base", "along", "apart")
    )
    start = base[EMBEDDING]
    moves = along[EMBEDDING] - start
    torch.testing.assert_close(
        tensors[EMBEDDING], start + 0.5 * moves + 0.5 * (apart[EMBEDDING] - start)
    )
    torch.testing.assert_close(tensors[HEAD], start + 0.5 * moves + 0.5 * (apart[HEAD] - start))
    assert config["tie_word_embeddings"] is False
    assert any("trained apart" in note for note in merge.notes)
    reloaded = LlamaForCausalLM.from_pretrained(tied / "merged-along-apart")
    assert not reloaded.lm_head.weight.equal(reloaded.model.embed_tokens.weight)


def test_unmerging_the_one_that_unties_leaves_the_bits_of_never_having_had_it(tied):
    both, _, _ = merged(tied, "along", "apart")
    never, tensors, _ = merged(tied, "along")
    left = both.deltas.subset(("along",))
    assert left.names == never.deltas.names
    assert set(left.base.weights.entries) == set(tensors)


def test_a_copy_in_the_base_moves_with_what_it_is_a_copy_of(tied):
    file = tied / "base" / "model.safetensors"
    stored = load_file(file)
    save(file, stored | {HEAD: stored[EMBEDDING].clone()})
    base = open_checkpoint(tied / "base")
    assert base_copies(named(base, base)) == (HEAD,)
    _, tensors, _ = merged(tied, "along")
    assert HEAD not in tensors
    along = load_file(tied / "along" / "model.safetensors")
    wanted = stored[EMBEDDING] + 0.5 * (along[EMBEDDING] - stored[EMBEDDING])
    reloaded = LlamaForCausalLM.from_pretrained(tied / "merged-along")
    torch.testing.assert_close(reloaded.lm_head.weight.data, wanted)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_copies_of_two_dtypes_are_compared_in_the_narrower_one(tied, dtype):
    file = tied / "base" / "model.safetensors"
    stored = load_file(file)
    save(file, stored | {EMBEDDING: stored[EMBEDDING].to(dtype), HEAD: stored[EMBEDDING]})
    base = open_checkpoint(tied / "base")
    assert base_copies(named(base, base)) == (HEAD,)
    moved_head = stored[EMBEDDING] + 0.1
    save(file, stored | {EMBEDDING: stored[EMBEDDING].to(dtype), HEAD: moved_head})
    base = open_checkpoint(tied / "base")
    assert base_copies(named(base, base)) == ()
    other = torch.bfloat16 if dtype == torch.float16 else torch.float16
    halves = {EMBEDDING: stored[EMBEDDING].to(dtype), HEAD: stored[EMBEDDING].to(other)}
    save(file, stored | halves)
    base = open_checkpoint(tied / "base")
    assert base_copies(named(base, base)) == ()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("BART", "model.shared.weight"),
        ("T5", "shared.weight"),
        ("BERT", "bert.embeddings.word_embeddings.weight"),
    ],
)
def test_what_is_untied_answers_as_the_checkpoint_does(name, source, tmp_path):
    """A configuration unties all that a class ties; each part then stands in the file."""
    example = EXAMPLES[name]
    model_class = getattr(transformers, example.base)
    model_class(example.config).save_pretrained(tmp_path / "base")
    expert = moved(model_class.from_pretrained(tmp_path / "base"), 1)
    expert.save_pretrained(tmp_path / "expert")
    file = tmp_path / "expert" / "model.safetensors"
    stored = load_file(file)
    head = "cls.predictions.decoder.weight" if name == "BERT" else HEAD
    save(file, stored | {head: stored[source] + 0.1})
    task = TaskEntry("expert", str(tmp_path / "expert"), 1.0)
    merge = open_merge(Recipe(str(tmp_path / "base"), (task,), "task_arithmetic"))
    export(merge, tmp_path / "out")
    tokens = torch.arange(10)[None]
    given = {"input_ids": tokens} | ({} if name == "BERT" else {"decoder_input_ids": tokens})
    with torch.no_grad():
        wanted, found = (
            model_class.from_pretrained(tmp_path / each).eval()(**given).logits
            for each in ("expert", "out")
        )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize(
    ("saved", "targets"),
    [
        (["embed_tokens"], ["q_proj"]),
        (["lm_head"], ["q_proj"]),
        (["embed_tokens", "lm_head"], ["q_proj"]),
        (None, ["q_proj"]),
    ],
)
def test_what_an_adapter_saves_whole_is_tied_to_nothing(tied, saved, targets, copied):
    """As PEFT puts it on: what the saved module was tied to keeps the base's numbers."""
    file = tied / "base" / "model.safetensors"
    stored = load_file(file)
    save(file, stored | ({HEAD: stored[EMBEDDING].clone()} if copied else {}))
    config = LoraConfig(
        r=2, target_modules=targets, modules_to_save=saved, init_lora_weights=False
    )  # fmt: skip
    model = get_peft_model(LlamaForCausalLM.from_pretrained(tied / "base"), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "modules_to_save" in name:
                parameter.add_(0.1)
    model.save_pretrained(str(tied / "lora"))
    base = LlamaForCausalLM.from_pretrained(tied / "base")
    worn = PeftModel.from_pretrained(base, str(tied / "lora")).eval()
    task = TaskEntry("lora", str(tied / "lora"), 1.0)
    merge = open_merge(Recipe(str(tied / "base"), (task,), "task_arithmetic"))
    export(merge, tied / "out")
    tokens = torch.arange(10)[None]
    with torch.no_grad():
        found = LlamaForCausalLM.from_pretrained(tied / "out").eval()(tokens).logits
        torch.testing.assert_close(found, worn(tokens).logits, atol=1e-5, rtol=0)
    assert any("tied in the base and no longer" in note for note in merge.notes) == bool(saved)


def test_a_tied_expert_on_an_untied_base_brings_its_head(tied):
    config = LlamaForCausalLM.from_pretrained(tied / "along").config
    config.tie_word_embeddings = False
    torch.manual_seed(3)
    LlamaForCausalLM(config).save_pretrained(tied / "untied")
    task = TaskEntry("along", str(tied / "along"), 1.0)
    merge = open_merge(Recipe(str(tied / "untied"), (task,), "task_arithmetic"))
    export(merge, tied / "out")
    tensors = load_file(tied / "out" / "model.safetensors")
    torch.testing.assert_close(tensors[HEAD], tensors[EMBEDDING])
    assert f"Its {HEAD} is its {EMBEDDING}, by its class." in merge.notes[-1]


def test_an_index_may_list_a_tied_tensor_under_each_of_its_names(tied):
    folder = tied / "along"
    LlamaForCausalLM.from_pretrained(folder).save_pretrained(folder, max_shard_size="5KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    file = folder / "model.safetensors.index.json"
    content = json.loads(file.read_text())
    content["weight_map"][HEAD] = content["weight_map"][EMBEDDING]
    file.write_text(json.dumps(content))
    _, tensors, _ = merged(tied, "along")
    assert HEAD not in tensors
    content["weight_map"]["made.up.weight"] = content["weight_map"][EMBEDDING]
    file.write_text(json.dumps(content))
    with pytest.raises(BadCheckpoint, match="disagree on 1 tensors, the first is made.up.weight"):
        open_checkpoint(folder)


@pytest.mark.parametrize(("mode", "apart"), [("exact", False), ("algebraic", True)])
def test_models_that_are_tied_otherwise_are_compared_by_what_stands_for_a_tensor(tied, mode, apart):
    tasks = tuple(TaskEntry(name, str(tied / name), 0.5) for name in ("along", "apart"))
    full = Recipe(str(tied / "base"), tasks, "task_arithmetic")
    unmerged = unmerging(full, ("apart",), mode)
    result, never = open_merge(unmerged.recipe), open_merge(unmerged.never)
    assert (HEAD in result.base.weights.entries) is apart
    assert HEAD not in never.base.weights.entries
    found = residue(result, never, open_merge(full), "apart")
    assert (found.norm, found.differing) == (0.0, 0)
    assert found.weights == sum(each.numel for each in result.base.weights.entries.values())


def test_a_tied_tensor_that_a_class_does_not_have_is_not_asked_of_it(tmp_path):
    """The encoder alone, under a head that listens; the base speaks and ties its embeddings."""
    config = transformers.WhisperConfig(
        vocab_size=60, num_mel_bins=8, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, max_source_positions=20, max_target_positions=20, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.WhisperForConditionalGeneration(config).save_pretrained(tmp_path / "base")
    model_class = transformers.WhisperForAudioClassification
    expert = moved(model_class.from_pretrained(tmp_path / "base"), 1)
    expert.save_pretrained(tmp_path / "expert")
    task = TaskEntry("expert", str(tmp_path / "expert"), 1.0)
    merge = open_merge(Recipe(str(tmp_path / "base"), (task,), "task_arithmetic"))
    export(merge, tmp_path / "out")
    assert {name.split(".")[0] for name in merge.deltas.joins[0].private} == {
        "classifier", "projector",
    }  # fmt: skip
    found = model_class.from_pretrained(tmp_path / "out").encoder.state_dict()
    for name, value in expert.encoder.state_dict().items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=0)
