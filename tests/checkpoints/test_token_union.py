"""The union of vocabularies: which tokens join, in which rows, with which numbers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from studio.checkpoints.token_union import bring_tokens, own_row, place, token_union
from studio.errors import NotFinite
from studio.merge import Merge, merged_pieces, open_merge, written_pieces
from studio.recipe import UNION, GroupedCoefficient, Recipe, TaskEntry
from tests.architectures import moved
from tests.checkpoints.test_lora_options import nudge
from tests.checkpoints.test_matched_modules import OPTIONS, save_adapter
from tests.vocabularies import CHAT, EXAMPLES, WORDS, save_base, save_extended, save_tokenizer

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def of(folder: Path, *names: str, **more) -> Merge:
    tasks = tuple(TaskEntry(name, str(folder / name), 0.5) for name in names)
    recipe = Recipe(str(folder / "base"), tasks, "task_arithmetic", vocabulary=UNION)
    return open_merge(replace(recipe, **more))


def row(folder: Path, task: str, number: int, name: str = EMBEDDING) -> torch.Tensor:
    return load_file(folder / task / "model.safetensors")[name][number]


def whole(merge: Merge, name: str, size: int = 2**18) -> torch.Tensor:
    return torch.cat([each.clone() for each in written_pieces(merge, name, size)]).view(
        merge.union.shape(name)
    )


def adapted(
    folder: Path, kind: str, rows: int, tokens: Sequence[str], **options
) -> dict[str, torch.Tensor]:
    """Write an adapter of a base of 58 words; returns what PEFT merges."""

    def base() -> Any:
        model = getattr(transformers, EXAMPLES[kind].base).from_pretrained(folder / "base")
        torch.manual_seed(3)
        model.resize_token_embeddings(rows, mean_resizing=False)
        return model

    adapter = get_peft_model(base(), LoraConfig(r=4, lora_alpha=6, **options))
    nudge(adapter, 1)
    adapter.save_pretrained(str(folder / "lora"), save_embedding_layers=False)
    save_tokenizer(folder / "lora", WORDS[:58], tokens)
    worn: Any = PeftModel.from_pretrained(base(), str(folder / "lora"))
    return worn.merge_and_unload().state_dict()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two experts with two tokens each, of which they share one."""
    made = tmp_path_factory.mktemp("union")
    save_base(EXAMPLES["Llama"], made)
    save_extended(EXAMPLES["Llama"], made, "chat", 1)
    save_extended(EXAMPLES["Llama"], made, "tools", 2, added=("<tool>", CHAT[1]))
    return made


def test_a_token_has_its_owners_row_and_a_shared_one_the_mean(folder):
    opened = of(folder, "chat", "tools")
    assert dict(opened.union.places) == {CHAT[0]: 60, CHAT[1]: 61, "<tool>": 62}
    assert opened.union.owners[CHAT[1]] == ((0, 61), (1, 61))
    for name in (EMBEDDING, HEAD):
        found = whole(opened, name)
        assert found.shape == opened.union.shape(name) == (63, 32)
        assert found[60].equal(row(folder, "chat", 60, name))
        assert found[62].equal(row(folder, "tools", 60, name))
        both = row(folder, "chat", 61, name) + row(folder, "tools", 61, name)
        assert found[61].equal(both / 2)
        assert found[:60].flatten().equal(torch.cat(list(merged_pieces(opened, name))))
    norm = "model.norm.weight"
    assert opened.union.shape(norm) == (32,)
    assert whole(opened, norm).equal(torch.cat(list(merged_pieces(opened, norm))))


def test_no_coefficient_changes_a_tokens_row(folder):
    small = of(folder, "chat", "tools").recipe.with_coefficients({"chat": 0.01, "tools": -1.0})
    found, usual = (
        whole(open_merge(small), EMBEDDING),
        whole(of(folder, "chat", "tools"), EMBEDDING),
    )
    assert found[60:].equal(usual[60:])
    assert not found[:60].equal(usual[:60])


def test_a_task_with_coefficient_0_brings_none_and_the_rest_is_as_without_it(folder):
    opened = of(folder, "chat", "tools")
    silenced, never = open_merge(opened.recipe.silenced("chat")), of(folder, "tools")
    assert dict(silenced.union.places) == dict(never.union.places) == {"<tool>": 60, CHAT[1]: 61}
    assert whole(silenced, EMBEDDING).equal(whole(never, EMBEDDING))
    part = GroupedCoefficient(0.0, (("model.norm.weight", 0.3),))
    kept = open_merge(opened.recipe.with_coefficients({"chat": part}))
    assert CHAT[0] in kept.union.places


def test_the_order_of_the_tasks_is_that_of_the_rows(folder):
    turned = of(folder, "tools", "chat")
    assert dict(turned.union.places) == {"<tool>": 60, CHAT[1]: 61, CHAT[0]: 62}


def test_no_cut_changes_a_bit(tmp_path):
    example, words = EXAMPLES["Llama"], WORDS[:58]
    save_base(example, tmp_path, words)
    model = moved(transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base"), 1)
    model.resize_token_embeddings(61, mean_resizing=False)
    model.save_pretrained(tmp_path / "chat")
    save_tokenizer(tmp_path / "chat", words, ("<a>", "<b>", "<c>"))
    opened = of(tmp_path, "chat")
    assert dict(opened.union.places) == {"<a>": 58, "<b>": 59, "<c>": 60}
    found = whole(opened, EMBEDDING)
    for number in (58, 59, 60):  # the first two are free rows of the base
        assert found[number].equal(row(tmp_path, "chat", number))
    for size in (1, 7, 32, 45, 58 * 32 + 5, 59 * 32):
        assert whole(opened, EMBEDDING, size).equal(found)
    base = load_file(tmp_path / "base" / "model.safetensors")[EMBEDDING]
    assert opened.base.tensor(EMBEDDING).equal(base)  # what is read is not written to


def test_pieces_of_a_tokenizers_model_stay_out(folder, tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    save_extended(EXAMPLES["Llama"], tmp_path, "chat", 1)
    save_tokenizer(tmp_path / "chat", (*WORDS, "w60"), CHAT[:1])
    opened = of(tmp_path, "chat")
    assert dict(opened.union.places) == {CHAT[0]: 60}
    assert "'chat': 1 token ('w60') stays out of the union" in " ".join(opened.notes)
    assert "1 token ('<|im_start|>') joins the base's vocabulary (vocabulary: union), row 60: " in (
        " ".join(opened.notes)
    )
    assert whole(opened, EMBEDDING)[60].equal(row(tmp_path, "chat", 61))


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("case", OPTIONS)
def test_of_an_adapter_the_rows_that_it_holds_whole_join(case, tmp_path):
    kind, options = OPTIONS[case]
    expected = save_adapter(tmp_path, kind, **options)
    opened = of(tmp_path, "lora")
    told = " ".join(opened.notes)
    if case.startswith("factors"):
        assert opened.union.places == {}
        assert "2 tokens ('<|im_start|>', '<|im_end|>') stay out of the union: it holds no" in told
        return
    for name in opened.union.heights:
        assert whole(opened, name)[60:].equal(expected[name][60:])


FREE = {
    "token rows": {
        "target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [58, 59, 3]},
    },
    "some token rows": {
        "target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [59]},
    },
    "an embedding alone": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    "factors": {"target_modules": ["embed_tokens"]},
    "no embedding": {"target_modules": ["q_proj"]},
}  # fmt: skip
"""Options of an adapter with two tokens in free rows of its base."""


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("kind", ["Llama", "Qwen2"])
@pytest.mark.parametrize("case", FREE)
def test_what_an_adapter_leaves_alone_in_a_free_row_is_the_bases(case, kind, tmp_path):
    save_base(EXAMPLES[kind], tmp_path, WORDS[:58])
    expected = adapted(tmp_path, kind, 60, ("<a>", "<b>"), **FREE[case])
    opened = of(tmp_path, "lora")
    assert dict(opened.union.places) == {"<a>": 58, "<b>": 59}
    for name in opened.union.heights:
        found = whole(opened, name)
        assert found.shape == (60, 32)
        assert (found[58:].norm(dim=1) > 0).all()
        torch.testing.assert_close(found[58:], expected[name][58:], rtol=0, atol=1e-6)
    assert " are 0" not in " ".join(opened.notes)


@pytest.mark.filterwarnings("ignore:.*")
def test_tokens_in_rows_that_an_adapter_leaves_alone_are_said_without_a_union_too(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path, WORDS[:58])
    adapted(tmp_path, "Llama", 60, ("<a>", "<b>", "<c>"), target_modules=["q_proj"])
    told = " ".join(of(tmp_path, "lora", vocabulary="base").notes)
    assert "2 tokens ('<a>', '<b>') of its own, in rows of the base that it leaves alone" in told
    assert "an export has them under `vocabulary: union` in a recipe, and not otherwise." in told
    assert "1 token ('<c>') of its tokenizer without a row in any weights." in told
    assert dict(of(tmp_path, "lora").union.places) == {"<a>": 58, "<b>": 59}
    file = tmp_path / "lora" / "tokenizer.json"
    whole_file = file.read_text()
    file.write_text(whole_file.replace('"w5"', '"w4"', 1).replace('"id": 59', '"id": -1'))
    assert "Its tokens are not compared with the base's." in " ".join(of(tmp_path, "lora").notes)
    save_tokenizer(tmp_path / "lora", [f"x{number}" for number in range(58)], ("<a>",))
    opened = of(tmp_path, "lora")
    assert opened.union.places == {}
    assert opened.deltas.joins[0].rows is None


@pytest.mark.filterwarnings("ignore:.*")
def test_of_factors_on_more_rows_those_of_free_rows_join(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path, WORDS[:58])
    tokens = ("<a>", "<b>", *CHAT)
    expected = adapted(tmp_path, "Llama", 62, tokens, target_modules=["embed_tokens", "lm_head"])
    opened = of(tmp_path, "lora")
    assert dict(opened.union.places) == {"<a>": 58, "<b>": 59}
    for name in (EMBEDDING, HEAD):
        found = whole(opened, name)[58:]
        torch.testing.assert_close(found, expected[name][58:60], rtol=0, atol=1e-6)
    assert "2 tokens ('<|im_start|>', '<|im_end|>') stay out" in " ".join(opened.notes)
    assert own_row(opened.deltas, 0, HEAD, 60, torch.float32) is None


def test_rows_that_no_owner_has_are_0_and_said(tmp_path):
    save_base(EXAMPLES["BERT"], tmp_path)  # with an output layer, of which a classifier has none
    save_extended(EXAMPLES["BERT"], tmp_path, "chat", 1)
    opened, bias = of(tmp_path, "chat"), "cls.predictions.bias"
    assert whole(opened, bias).shape == (62,)
    assert not whole(opened, bias)[60:].any()
    told = " ".join(opened.notes)
    assert f"Rows of tokens whose owners leave a tensor alone are 0: {bias}." in told


def test_a_token_that_the_bases_tokenizer_names_without_a_row_keeps_its_place(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    save_tokenizer(tmp_path / "base", WORDS, ("<pad>", CHAT[0]))
    save_extended(EXAMPLES["Llama"], tmp_path, "chat", 1)
    opened = of(tmp_path, "chat")
    assert dict(opened.union.places) == {CHAT[0]: 61, CHAT[1]: 62}
    found = whole(opened, EMBEDDING)
    assert not found[60].any()
    assert found[61].equal(row(tmp_path, "chat", 60))
    assert "1 rows behind the base's are 0" in " ".join(opened.notes)


def test_two_ways_to_find_a_token_are_said(folder, tmp_path):
    for name in ("base", "chat", "tools"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "tools").unlink()
    save_extended(EXAMPLES["Llama"], tmp_path, "tools", 2, added=("<tool>", CHAT[1]))
    file = tmp_path / "tools" / "tokenizer.json"
    content = json.loads(file.read_text())
    content["added_tokens"][-1]["lstrip"] = True
    file.write_text(json.dumps(content))
    assert Tokenizer.from_file(str(file)).token_to_id(CHAT[1]) == 61
    opened = of(tmp_path, "chat", "tools")
    told = " ".join(opened.notes)
    assert "'tools' finds the token '<|im_end|>' otherwise in a text than 'chat'" in told
    assert not opened.union.flags[CHAT[1]]["lstrip"]


def test_a_row_that_is_no_number_is_refused_by_its_token(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    save_extended(EXAMPLES["Llama"], tmp_path, "chat", 1)
    file = tmp_path / "chat" / "model.safetensors"
    tensors = load_file(file)
    tensors[EMBEDDING][61, 3] = 1e30
    save_file(tensors, file, {"format": "pt"})
    assert whole(of(tmp_path, "chat"), EMBEDDING)[61, 3] == 1e30
    with pytest.raises(
        NotFinite, match=r"row of the token '<\|im_end\|>' holds NaN or infinity, or"
    ):
        whole(of(tmp_path, "chat", dtype="float16"), EMBEDDING)


def test_a_merge_without_such_tokens_is_the_usual_one(folder):
    usual = of(folder, "chat", vocabulary="base")
    assert usual.union.heights == {}
    assert usual.union.notes == ()
    assert whole(usual, EMBEDDING).shape == (60, 32)
    assert bring_tokens(usual.deltas)
    assert token_union(usual.deltas, ()).places == {}
    assert place(usual.deltas, 0, EMBEDDING, 60) == (EMBEDDING, 60)
    assert place(usual.deltas, 0, "model.norm.weight", 60) is None
