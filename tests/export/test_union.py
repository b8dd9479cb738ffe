"""Exports of `vocabulary: union`: rows, tokenizer and configuration; what an unmerge leaves."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer

from studio.compare.unmerge_drop import same_weights
from studio.errors import BadCheckpoint, StudioError
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.ledger.keys import make_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.logged_export import export_merge
from studio.evidence.rebuild import rebuilt_root
from studio.evidence.residue import residue, residue_tensor
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import Verification, verify
from studio.evidence.wording import EXACT
from studio.export.adapter import refuse_no_factors
from studio.export.classifier import own_tasks
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.export.plan import ExportPlan
from studio.export.union import read_otherwise, write_union
from studio.merge import Merge, open_merge
from studio.recipe import UNION, Recipe, TaskEntry
from tests.architectures import moved
from tests.merged import merged_tensors
from tests.tasks.kinds import classifiers
from tests.vocabularies import CHAT, EXAMPLES, WORDS, save_base, save_extended, save_tokenizer

KINDS = ("GPT-2", "Llama", "Qwen2", "Gemma", "BERT", "T5", "BART")


def recipe_of(folder: Path, *names: str, **more) -> Recipe:
    tasks = tuple(TaskEntry(name, str(folder / name), 0.5, set_by="person") for name in names)
    return Recipe(str(folder / "base"), tasks, "mdm_oc", **{"vocabulary": UNION, **more})


def saved(folder: Path, kind: str) -> Path:
    """A base of 60 tokens, and three experts: with two, with two others, one shared, with none."""
    example = EXAMPLES[kind]
    save_base(example, folder)
    save_extended(example, folder, "chat", 1)
    save_extended(example, folder, "tools", 2, added=("<tool>", CHAT[1]))
    other = moved(getattr(transformers, example.expert).from_pretrained(folder / "base"), 3)
    other.save_pretrained(folder / "plain")
    save_tokenizer(folder / "plain", WORDS)
    return folder


def alone(folder: Path, name: str) -> dict[str, torch.Tensor]:
    return load_file(folder / name / "model.safetensors")


def written(folder: Path, target: Path, *names: str, **more) -> Merge:
    opened = open_merge(recipe_of(folder, *names, **more))
    export_merge(opened, ExportPlan(target, check="full"))
    return opened


def files_of(folder: Path) -> dict[str, bytes]:
    """Weights, configuration and tokenizer of an export."""
    aside = {"README.md", "recipe.yaml", "merge.json"}
    return {x.name: x.read_bytes() for x in folder.iterdir() if x.is_file() and x.name not in aside}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_export_has_the_rows_of_all_tokens_and_reopens(kind, tmp_path):
    saved(tmp_path, kind)
    opened = open_merge(recipe_of(tmp_path, "chat", "plain", "tools"))
    made = export_merge(opened, ExportPlan(tmp_path / "out", check="full"))
    assert "answers random input as was computed" in " ".join(made.checked)
    found = alone(tmp_path, "out")
    usual = merged_tensors(
        open_merge(recipe_of(tmp_path, "chat", "plain", "tools", vocabulary="base"))
    )
    assert usual.keys() >= opened.union.heights.keys() - {"cls.predictions.bias"}
    for name, tensor in usual.items():  # the base's rows are those of a merge without the tokens
        assert found[name].flatten()[: tensor.numel()].equal(tensor.flatten())
    words = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path / "out")
    assert [words.convert_tokens_to_ids(each) for each in (*CHAT, "<tool>")] == [60, 61, 62]
    assert words(f"w3{CHAT[0]}w4 <tool>", add_special_tokens=False)["input_ids"] == [3, 60, 4, 62]
    model_class = getattr(transformers, EXAMPLES[kind].base)
    model, loading = model_class.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not loading["mismatched_keys"]
    rows = model.get_input_embeddings().weight
    assert rows.shape[0] == 63
    own = {n: getattr(transformers, EXAMPLES[kind].expert).from_pretrained(tmp_path / n)
           .get_input_embeddings().weight for n in ("chat", "tools")}  # fmt: skip
    assert rows[60].equal(own["chat"][60])  # one owner: as it is
    assert rows[62].equal(own["tools"][60])
    assert rows[61].equal((own["chat"][61] + own["tools"][61]) / 2)  # two: their mean
    told = " ".join(opened.union.notes)
    assert "3 tokens ('<|im_start|>', '<|im_end|>', '<tool>') join the base's vocabulary" in told
    assert "1 token ('<|im_end|>') of them" in told


@pytest.mark.parametrize("removed", ["chat", "tools"])
def test_unmerged_it_is_the_export_of_a_recipe_that_never_had_the_task(removed, tmp_path):
    saved(tmp_path, "Llama")
    whole = recipe_of(tmp_path, "chat", "plain", "tools")
    kept = [name for name in whole.names if name != removed]
    export_merge(open_merge(whole.without(removed)), ExportPlan(tmp_path / "exact"))
    written(tmp_path, tmp_path / "never", *kept)
    assert files_of(tmp_path / "exact") == files_of(tmp_path / "never")
    gone = {"chat": CHAT[0], "tools": "<tool>"}[removed]
    assert gone not in AutoTokenizer.from_pretrained(tmp_path / "exact").get_vocab()
    never, full = open_merge(whole.without(removed)), open_merge(whole)
    silenced = open_merge(whole.silenced(removed))
    assert silenced.union.places == never.union.places
    assert residue(open_merge(whole.without(removed)), never, full, removed).differing == 0
    assert residue(silenced, never, full, removed).weights > sum(
        each.numel for each in never.base.weights.entries.values() if each.shape[0] == 60
    )
    name = "model.embed_tokens.weight"
    assert residue_tensor(silenced, never, name).numel() == 60 * 32
    assert same_weights(open_merge(whole.without(removed)), never)
    assert not same_weights(full, never)


def test_without_any_owner_it_is_the_base_vocabulary_bit_by_bit(tmp_path):
    saved(tmp_path, "Llama")
    written(tmp_path, tmp_path / "union", "plain")
    written(tmp_path, tmp_path / "usual", "plain", vocabulary="base")
    assert files_of(tmp_path / "union") == files_of(tmp_path / "usual")
    notes = open_merge(recipe_of(tmp_path, "plain")).notes
    assert any("vocabulary: union adds nothing" in note for note in notes)


def test_an_exact_unmerge_is_certified_and_verified(tmp_path, rebuilt_here):
    saved(tmp_path, "Llama")
    ledger = Ledger(tmp_path / "ledger")
    key = make_key(ledger.folder, "a horse a battery a staple")
    unmerged = unmerging(recipe_of(tmp_path, "chat", "plain", "tools"), ("chat",))
    made = certify(
        open_merge, unmerged, tmp_path / "out", Operator(ledger, key, Request("erasure request"))
    )
    predicate = made.statement["predicate"]
    assert predicate["claim"] == EXACT
    assert predicate["counterfactual"]["recipe"]["vocabulary"] == UNION
    (row,) = (x for x in predicate["closure"] if x["artefact"] == "tokenizer and configuration")
    assert (row["state"], row["inputs"]) == ("rebuilt", ["tools"])
    assert "2 tokens" in row["words"]
    inputs = tmp_path / "base", [tmp_path / "plain", tmp_path / "tools"]

    def verified() -> Verification:
        return verify(
            made.folder, made.folder / CERTIFICATE_FILE, made.folder / "public_key.pem",
            ledger.folder / "audit.jsonl", inputs,
        )  # fmt: skip

    found = verified()
    assert found.good, found.findings
    words = "Its tokenizer is what the inputs' tokenizers make: 62 tokens, 2 of which joined."
    assert words in [each.words for each in found.findings]
    file = tmp_path / "tools" / "tokenizer.json"
    content = json.loads(file.read_text())
    for change, name in (({"content": "<other>"}, "<other>"), ({"lstrip": True}, "<tool>")):
        added = [each | (change if each["content"] == "<tool>" else {})
                 for each in content["added_tokens"]]  # fmt: skip
        file.write_text(json.dumps(content | {"added_tokens": added}))
        (bad,) = [each.words for each in verified().findings if not each.good]
        assert bad.startswith("Its tokenizer is not what the inputs' tokenizers make: it differs")
        assert name in bad
    assert predicate["result"]["parameters"] == sum(
        x.numel() for x in alone(tmp_path, "out").values()
    )


def test_the_weights_root_covers_the_rows(tmp_path):
    saved(tmp_path, "Llama")
    opened = written(tmp_path, tmp_path / "out", "chat")
    record = json.loads((tmp_path / "out" / "merge.json").read_text())
    assert rebuilt_root(opened) == record["weights_root"]
    usual = open_merge(recipe_of(tmp_path, "chat", vocabulary="base"))
    assert rebuilt_root(usual) != record["weights_root"]
    assert usual.recipe.digest != opened.recipe.digest
    card = (tmp_path / "out" / "README.md").read_text()
    assert "vocabulary union" in card
    assert "join the base's vocabulary" in card


def test_free_rows_of_the_base_are_filled_first(tmp_path):
    example, words = EXAMPLES["Llama"], WORDS[:58]
    save_base(example, tmp_path, words)
    for name, token in (("first", "<a>"), ("second", "<b>")):
        model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
        moved(model, len(name)).save_pretrained(tmp_path / name)
        save_tokenizer(tmp_path / name, words, [token])
    opened = written(tmp_path, tmp_path / "out", "first", "second", dtype="bfloat16")
    assert dict(opened.union.places) == {"<a>": 58, "<b>": 59}
    found = alone(tmp_path, "out")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        assert found[name].shape == (60, 32)
        assert found[name][58].equal(alone(tmp_path, "first")[name][58].bfloat16())
        assert found[name][59].equal(alone(tmp_path, "second")[name][58].bfloat16())
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["vocab_size"] == 60


def test_an_adapter_has_no_place_for_them(tmp_path):
    saved(tmp_path, "Llama")
    opened = open_merge(replace(recipe_of(tmp_path, "chat"), method="task_arithmetic"))
    with pytest.raises(StudioError, match="2 tokens join the vocabulary, and an adapter"):
        refuse_no_factors(opened)


def test_a_configuration_that_names_no_size_is_refused(tmp_path):
    saved(tmp_path, "Llama")
    opened, folder = open_merge(recipe_of(tmp_path, "chat")), tmp_path / "base"
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 12}))
    with pytest.raises(BadCheckpoint, match="gives no vocab_size that is the number of rows"):
        write_union(opened.union, folder)


def test_a_complete_classifier_has_them_too(tmp_path):
    model = classifiers.built(tmp_path, "Bert")
    model.resize_token_embeddings(66, mean_resizing=False)
    model.save_pretrained(tmp_path / "expert")
    reader = classifiers.tokenizer(tmp_path / "expert")
    reader.add_special_tokens({"additional_special_tokens": [*CHAT]})
    reader.save_pretrained(tmp_path / "expert")
    task = TaskEntry("expert", str(tmp_path / "expert"), 1.0)
    recipe = Recipe(str(tmp_path / "base"), (task,), "task_arithmetic", vocabulary=UNION)
    made = open_merge(recipe)
    content = MergedModel(made, own_tasks(made), classifiers=True)
    write_export(content, tmp_path / "out")
    folder = tmp_path / "out" / "classifiers" / "expert"
    assert content.size == sum(
        each.numel() * each.element_size()
        for part in ("out", "out/classifiers/expert")
        for name, each in alone(tmp_path, part).items()
        if not name.startswith("classifier")
    )
    found = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    words = AutoTokenizer.from_pretrained(folder)
    assert found.config.vocab_size == 66
    text = f"w3 {CHAT[0]} w5 {CHAT[1]}"
    ours, own = (
        one(**each(text, return_tensors="pt")).logits
        for one, each in ((found, words), (model.eval(), reader))
    )
    torch.testing.assert_close(ours, own, rtol=0, atol=1e-5)
    plain = classifiers.tokenizer(tmp_path / "plain")
    assert not model(**plain(text, return_tensors="pt")).logits.equal(own)


def test_scored_rows_that_the_export_reads_otherwise_are_counted(tmp_path):
    saved(tmp_path, "Llama")
    texts: list[Any] = [
        {"text": f"w1 {CHAT[0]}w2"},
        {"text": "w3"},
        {"text": "w4", "more": f"\n{CHAT[1]}"},
    ]
    kind = SimpleNamespace(plain=lambda row: row)
    tasks: Any = [SimpleNamespace(name="chat", kind=kind, rows=lambda split: texts)]
    union = open_merge(recipe_of(tmp_path, "chat")).union
    (told,) = read_otherwise(union, tasks, "held_out")
    assert told.endswith("otherwise than they were scored: 'chat' 2 of 3.")
    assert read_otherwise(union, (), "held_out") == []
    flags = {each: {**union.flags[each], "single_word": True} for each in union.places}
    named = replace(union, flags=flags)
    texts[:] = [{"text": f"w1{CHAT[0]}w2"}, {"text": [f"w1 {CHAT[0]} w2"]}]
    (told,) = read_otherwise(named, tasks, "held_out")
    assert told.endswith("'chat' 1 of 2.")  # a word by itself alone
    usual = open_merge(recipe_of(tmp_path, "chat", vocabulary="base")).union
    assert read_otherwise(usual, tasks, "held_out") == []
