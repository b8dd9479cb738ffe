"""What is made of merges whose rows are matched by token: exports, unmerges, scores, caches."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.no_change import refuse_zero
from studio.checkpoints.vocabulary import in_tokens_of
from studio.errors import StudioError
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.ledger.keys import make_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.logged_export import export_merge
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import verify
from studio.evidence.wording import EXACT
from studio.export.classifier import own_tasks
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.export.plan import ExportPlan
from studio.geometry.gram_cache import kept_gram, recalled_gram
from studio.merge import Merge, open_merge
from studio.recipe import Recipe, TaskEntry
from tests.architectures import Example, moved
from tests.merged import merged_tensors
from tests.tasks.kinds import classifiers
from tests.test_bits import METHODS
from tests.vocabularies import (
    CHAT,
    EXAMPLES,
    WORDS,
    permute,
    save_base,
    save_extended,
    save_tokenizer,
)


def recipe_of(folder: Path, *names: str, method: str = "task_arithmetic") -> Recipe:
    tasks = tuple(TaskEntry(name, str(folder / name), 0.5, set_by="person") for name in names)
    return Recipe(str(folder / "base"), tasks, method)


def whole(folder: Path, name: str) -> TaskEntry:
    return TaskEntry(name, str(folder / name), 1.0)


@pytest.fixture(scope="module", params=["BERT", "Llama", "T5"])
def folder(request, tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("models"), EXAMPLES[request.param])


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("bert"), EXAMPLES["BERT"])


def saved(made: Path, example: Example) -> Path:
    """A base, an expert with more tokens, another, and that one with its tokens reordered."""
    save_base(example, made)
    save_extended(example, made, "chat", 1)
    other = moved(getattr(transformers, example.expert).from_pretrained(made / "base"), 2)
    other.save_pretrained(made / "plain")
    save_tokenizer(made / "plain", WORDS)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0)).tolist()
    permute(other, order)
    other.save_pretrained(made / "permuted")
    save_tokenizer(made / "permuted", [WORDS[row] for row in order])
    return made


def test_an_export_is_compared_and_loads(folder, tmp_path):
    opened = open_merge(recipe_of(folder, "chat", "permuted"))
    made = export_merge(opened, ExportPlan(tmp_path / "out", check="full"))
    told = " ".join(made.checked)
    assert "2 of 2 checkpoints alone are what transformers and PEFT open" in told
    assert "'chat': 2 tokens ('<|im_start|>', '<|im_end|>') of its own" in " ".join(made.notes)
    written, merged = load_file(tmp_path / "out" / "model.safetensors"), merged_tensors(opened)
    assert all(written[name].equal(merged[name]) for name in merged)
    for name in ("tokenizer.json", "config.json"):
        assert (tmp_path / "out" / name).is_file()


def test_taken_out_exactly_and_certified(folder, tmp_path, rebuilt_here):
    ledger = Ledger(tmp_path / "ledger")
    key = make_key(ledger.folder, "a horse a battery a staple")
    unmerged = unmerging(recipe_of(folder, "chat", "permuted", method="mdm_oc"), ("chat",))
    made = certify(
        open_merge, unmerged, tmp_path / "out", Operator(ledger, key, Request("erasure request"))
    )
    assert made.statement["predicate"]["claim"] == EXACT
    inputs = folder / "base", [folder / "permuted"]
    found = verify(
        made.folder, made.folder / CERTIFICATE_FILE, made.folder / "public_key.pem",
        ledger.folder / "audit.jsonl", inputs,
    )  # fmt: skip
    assert found.good, found.findings
    written = load_file(made.folder / "model.safetensors")
    never = merged_tensors(open_merge(recipe_of(folder, "permuted", method="mdm_oc")))
    assert all(written[name].equal(never[name]) for name in never)


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_no_method_sees_the_order_of_tokens(bert, method, options):
    found = []
    for other in ("permuted", "plain"):
        tasks = (TaskEntry("chat", str(bert / "chat"), 0.5), TaskEntry("x", str(bert / other), 0.5))
        found.append(merged_tensors(open_merge(Recipe(str(bert / "base"), tasks, method, options))))
    assert {*found[0]} == {*found[1]}
    assert all(found[0][name].equal(found[1][name]) for name in found[0])


def test_what_is_recalled_depends_on_the_tokenizers(folder, tmp_path, monkeypatch):
    kept: dict[str, bytes] = {}
    monkeypatch.setattr("studio.geometry.gram_cache.recall", kept.get)
    monkeypatch.setattr("studio.geometry.gram_cache.keep", kept.__setitem__)
    shutil.copytree(folder, tmp_path / "copy")
    before = open_merge(recipe_of(tmp_path / "copy", "chat", "permuted"))
    made = kept_gram(before.deltas, lambda: before.gram)
    assert recalled_gram(before.deltas) is not None
    save_tokenizer(tmp_path / "copy" / "permuted", WORDS)
    after = open_merge(recipe_of(tmp_path / "copy", "chat", "permuted"))
    assert recalled_gram(after.deltas) is None
    assert not after.gram.blocks.equal(made.blocks)
    assert before.deltas.digests[0] == after.deltas.digests[0]
    assert before.deltas.digests[1] != after.deltas.digests[1]
    assert after.deltas.digests[1] == after.deltas.checkpoints[1].known_digest


def test_a_classifier_with_tokens_of_its_own_is_scored_by_the_rest(tmp_path):
    model = classifiers.built(tmp_path, "Bert")
    rows = classifiers.rows_of(model, tmp_path)
    model.resize_token_embeddings(66, mean_resizing=False)
    model.save_pretrained(tmp_path / "expert")
    reader = classifiers.tokenizer(tmp_path / "expert")
    reader.add_special_tokens({"additional_special_tokens": [*CHAT]})
    reader.save_pretrained(tmp_path / "expert")
    opened = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    assert classifiers.expert_score(opened).value == 1.0
    assert any("2 tokens" in note for note in opened.deltas.joins[0].notes)
    made = open_merge(replace(recipe_of(tmp_path, "expert"), tasks=(whole(tmp_path, "expert"),)))
    write_export(MergedModel(made, own_tasks(made), classifiers=True), tmp_path / "out")
    folder = tmp_path / "out" / "classifiers" / "expert"
    written = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert written.config.vocab_size == 64
    for found, expected in zip(
        classifiers.logits(written, tmp_path, classifiers.TEXTS),
        classifiers.logits(model.eval(), tmp_path, classifiers.TEXTS),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_a_classifier_finds_the_last_token_by_the_bases_padding(tmp_path):
    model = classifiers.built(tmp_path, "Llama")
    rows = classifiers.rows_of(model, tmp_path)
    order = [3, 1, 2, 0, *range(4, 64)]  # its padding is where the base ends every text
    permute(model, order)
    model.config.pad_token_id = 3
    model.save_pretrained(tmp_path / "expert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(60))]
    save_tokenizer(tmp_path / "expert", [words[row] for row in order])
    opened = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    assert classifiers.expert_score(opened).value == 1.0
    base = open_checkpoint(tmp_path / "base")
    expert = open_checkpoint(tmp_path / "expert")
    ids = {"pad_token_id": 3, "bos_token_id": 1, "eos_token_id": None, "vocab_size": 64}
    assert in_tokens_of(base, expert, ids) == {
        "pad_token_id": 0, "bos_token_id": 1, "vocab_size": 64
    }  # fmt: skip
    assert in_tokens_of(base, base, ids) == {}
    save_tokenizer(tmp_path / "expert", words[:63], ["<own>"])
    assert in_tokens_of(base, expert, {"pad_token_id": 63})["pad_token_id"] is None


def test_an_expert_that_only_added_rows_changes_nothing(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
    model.resize_token_embeddings(62, mean_resizing=False)
    model.save_pretrained(tmp_path / "chat")
    save_tokenizer(tmp_path / "chat", WORDS, CHAT)
    opened: Merge = open_merge(recipe_of(tmp_path, "chat"))
    with pytest.raises(StudioError, match="'chat' is equal to the base in every shared tensor"):
        refuse_zero(opened.deltas)
