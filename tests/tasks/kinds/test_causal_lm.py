"""Language models: their loss is transformers' own, alone, merged, exported and at a gradient."""

import json
from typing import Any, cast

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, BertConfig, BertLMHeadModel

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import score_folder
from studio.measure.information import fisher
from studio.search.objective import Objective
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows
from studio.search.run import optimize
from studio.search.space import space
from studio.tasks.kinds import causal_lm, language_head
from studio.zoo import load_zoo
from tests import bertzoo
from tests.conftest import refusal
from tests.scored import score
from tests.tasks.kinds import speakers


@pytest.fixture(scope="module", params=sorted(speakers.MODELS))
def zoo(request, tmp_path_factory):
    return speakers.build(tmp_path_factory.mktemp("speakers") / "zoo", request.param)


@pytest.fixture(scope="module")
def bench(zoo):
    return speakers.bench(zoo)


@pytest.fixture
def copy(tmp_path):
    return speakers.build(tmp_path / "zoo", "GPT2")


def rows_of(bench, task) -> Any:
    return bench.tasks[task].rows("held_out")


def own_loss(model, bench, task) -> tuple[float, float, np.ndarray]:
    """transformers' loss of each document with labels, put together; bytes are the rows'."""
    sums, tokens, each = 0.0, 0, []
    for row in rows_of(bench, task):
        reader = bench.live.readers["causal-lm"]
        prompt = reader(row.prompt)["input_ids"] if row.prompt else []
        ids = reader((row.prompt or "") + row.text, return_tensors="pt")["input_ids"]
        labels = ids.clone()
        labels[0, : len(prompt)] = -100
        with torch.no_grad():
            loss = float(model(ids, labels=labels).loss)
        counted = ids.shape[1] - max(len(prompt), 1)
        sums, tokens = sums + loss * counted, tokens + counted
        each.append(loss * counted)
    return sums / tokens, sums, np.array(each)


def test_the_base_s_and_the_experts_losses_are_transformers_own(zoo, bench):
    base = AutoModelForCausalLM.from_pretrained(zoo / "base", dtype=torch.float32).eval()
    full = AutoModelForCausalLM.from_pretrained(zoo / "prose", dtype=torch.float32).eval()
    found = score(bench, None)
    for task in ("prose", "chat"):
        assert found[task].value == pytest.approx(own_loss(base, bench, task)[0], rel=1e-5)
    expected, sums, _ = own_loss(full, bench, "prose")
    own = score(bench, bench.expert("prose"))["prose"]
    assert own.value == pytest.approx(expected, rel=1e-5)
    reader = bench.live.readers["causal-lm"]
    begins = reader("a")["input_ids"][0] == reader.bos_token_id
    size = sum(
        len(row.text.encode()) - (not begins) for row in bench.tasks["prose"].rows("held_out")
    )
    assert own.bits_per_byte == pytest.approx(sums / np.log(2) / size, rel=1e-5)
    adapter = PeftModel.from_pretrained(base, str(zoo / "chat")).eval()
    own = score(bench, bench.expert("chat"))["chat"]
    assert own.value == pytest.approx(own_loss(adapter, bench, "chat")[0], rel=1e-5)
    assert own.interval == "bootstrap"


def test_a_batch_of_many_is_its_documents_one_by_one(zoo, bench):
    full = AutoModelForCausalLM.from_pretrained(zoo / "prose", dtype=torch.float32).eval()
    bench.live.wear(bench.expert("prose"))
    found = bench.evaluation(bench.heads(["prose"]), "held_out")
    list(found.run(bench.live))
    np.testing.assert_allclose(
        found.predictions["prose"], own_loss(full, bench, "prose")[2], rtol=1e-5
    )


def test_a_merge_is_worn_with_its_last_layer_and_its_export_says_the_same(zoo, bench, tmp_path):
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.6))
    found = score(bench, merge)
    content = MergedModel(merge, [bench.tasks[name] for name in merge.recipe.names])
    write_export(content, tmp_path / "out")
    written = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    for task in ("prose", "chat"):
        assert found[task].value == pytest.approx(own_loss(written, bench, task)[0], rel=1e-5)
    again = score_folder(bench, tmp_path / "out")
    assert again["prose"].value == pytest.approx(found["prose"].value, rel=1e-6)
    assert "AutoModelForCausalLM" in (tmp_path / "out" / "README.md").read_text()


def test_logits_of_the_whole_vocabulary_are_never_all_held(bench, monkeypatch):
    bench.live.wear(None)
    before = score(bench, None)
    made = []
    own = torch.nn.functional.cross_entropy

    def seen(logits, *rest, **options):
        made.append(logits.shape)
        return own(logits, *rest, **options)

    monkeypatch.setattr(language_head, "_FLOATS", 258 * 7)
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", seen)
    again = score(bench, None)
    assert max(shape[0] for shape in made) == 7
    assert {shape[1] for shape in made} == {258}
    for task in before:
        assert again[task].value == pytest.approx(before[task].value, rel=1e-6)


def test_gradients_go_through_the_last_layer_in_slices(bench, monkeypatch):
    monkeypatch.setattr(language_head, "_FLOATS", 258 * 5)
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.4))
    rows = {name: chosen_rows(bench, name, 8, True) for name in bench.tasks}
    plan = SearchPlan(rows=8, batch=4, at_once=3, budget=2)
    objective = Objective(bench, merge, space(merge.deltas, "task"), plan, rows)
    point, weights = torch.tensor([0.4, 0.4]).double(), torch.tensor([0.5, 0.5]).double()
    slope = objective.slope(point, 1, weights).slope
    for place in range(2):
        step = torch.zeros(2).double()
        step[place] = 1e-2
        ends = [objective.slope(point + x * step, 1, weights).losses @ weights for x in (1, -1)]
        assert float(slope[place]) == pytest.approx(float(ends[0] - ends[1]) / 2e-2, rel=0.02)


def test_fisher_of_a_tied_table_has_both_its_uses(zoo, bench):
    task = bench.tasks["prose"]
    bench.live.wear(bench.expert("prose"))
    part = bench.evaluation(bench.heads(["prose"]), "held_out").parts["prose"]
    found = fisher(bench.live, part, task.head, [0, 1])
    model = AutoModelForCausalLM.from_pretrained(zoo / "prose", dtype=torch.float32).eval()
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for row in rows_of(bench, "prose")[:2]:
        ids = bench.live.readers["causal-lm"](row.text, return_tensors="pt")["input_ids"]
        model.zero_grad()
        (model(ids, labels=ids).loss * (ids.shape[1] - 1)).backward()
        for name, parameter in model.named_parameters():
            sums[name] += cast(torch.Tensor, parameter.grad) ** 2
    for name, value in sums.items():
        own = next((each for each in found if name.endswith(each) or each.endswith(name)), None)
        assert own is not None, name
        torch.testing.assert_close(found[own], value / 2, rtol=1e-3, atol=1e-6)


def test_a_search_and_statistics_take_a_step(bench):
    plan = SearchPlan(rows=12, batch=4, budget=3)
    run = list(optimize(bench, bench.zoo.recipe("task_arithmetic", 0.4), plan))[-1]
    assert run.best.value <= run.steps[0].value


def test_rows_that_are_too_long_are_cut_counted_and_said(copy):
    data = speakers.zoo()
    data["tasks"][0]["max_length"] = data["tasks"][1]["max_length"] = 12
    (copy / "zoo.yaml").write_text(json.dumps(data))
    bench = speakers.bench(copy)
    every = [len(row.text.encode()) for row in rows_of(bench, "prose")]
    longer = [each - 12 for each in every if each > 12]
    assert bench.notes["prose"][0] == (
        f"held-out rows: {len(longer)} of 40 rows are longer than max_length 12 and are cut; "
        f"{sum(longer):,} tokens are left out."
    )
    found = bench.evaluation(bench.heads(bench.scored()), "held_out")
    assert max(map(len, found.parts["prose"].items)) == 12
    for item, row in zip(found.parts["chat"].items, rows_of(bench, "chat"), strict=True):
        assert item.size == len(row.text.encode())  # the answer is whole, its prompt was cut


def test_a_length_is_refused_that_the_model_or_the_kind_cannot_have(copy):
    data = speakers.zoo()
    data["tasks"][0]["max_length"] = 65
    (copy / "zoo.yaml").write_text(json.dumps(data))
    bench = speakers.bench(copy)
    with pytest.raises(BadData, match="max_length 65, but the model reads at most 64"):
        bench.evaluation(bench.heads(["prose"]), "held_out")
    data["tasks"][0]["max_length"] = 1
    (copy / "zoo.yaml").write_text(json.dumps(data))
    with pytest.raises(BadZoo, match="a whole number from 2"):
        load_zoo(copy)


def test_a_text_of_one_token_is_refused(copy):
    speakers.write(copy / "prose" / "held_out.jsonl", [{"text": "fine"}, {"text": "a"}])
    bench = speakers.bench(copy)
    with pytest.raises(BadData) as error:
        bench.evaluation(bench.heads(["prose"]), "held_out")
    assert "'prose', held_out rows: of 1 of 2 the tokenizer makes one token" in refusal(error)
    assert "'a'" in refusal(error)


def test_a_model_that_reads_both_ways_is_none(tmp_path):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=258, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    base = BertLMHeadModel(config)
    base.save_pretrained(tmp_path / "base")
    speakers.tokenizer(begins=False).save_pretrained(tmp_path / "base")
    bertzoo.nudge(base)
    base.save_pretrained(tmp_path / "prose")
    speakers.write(tmp_path / "rows.jsonl", [{"text": "red cat runs"}] * 4)
    data = speakers.zoo()
    data["tasks"] = [data["tasks"][0] | {"data": {"held_out": "rows.jsonl"}}]
    (tmp_path / "zoo.yaml").write_text(json.dumps(data))
    bench = speakers.bench(tmp_path)
    with pytest.raises(BadData) as error:
        bench.evaluation(bench.heads(["prose"]), "held_out")
    assert "'prose': BertModel reads a text in both directions" in refusal(error)


def test_a_base_without_a_last_layer_is_refused(tmp_path):
    folder = speakers.build(tmp_path / "zoo", "Llama")
    body = AutoModelForCausalLM.from_pretrained(folder / "base").model
    for file in (folder / "base").glob("*.safetensors"):
        file.unlink()
    body.save_pretrained(folder / "base")
    with pytest.raises((BadData, BadCheckpoint), match="lm_head"):
        speakers.bench(folder).live  # noqa: B018


def test_a_base_of_another_sort_has_no_language_model(tiny_copy):
    data = json.loads((tiny_copy / "base" / "config.json").read_text())
    (tiny_copy / "base" / "config.json").write_text(json.dumps(data | {"model_type": "vit"}))
    checkpoint = open_base(str(tiny_copy / "base"))
    with pytest.raises(BadCheckpoint, match="is no base of a causal language model: .*ViTConfig"):
        causal_lm.CausalLM().load(checkpoint)


def test_a_last_layer_that_only_the_expert_has_is_refused_by_name(copy):
    bench = speakers.bench(copy)
    private = {"lm_head.weight": torch.ones(2, 2)}
    with pytest.raises(BadData, match="'prose': its checkpoint keeps lm_head.weight to itself"):
        causal_lm.CausalLM().open(bench.tasks["prose"].spec, private, bench.base)


def test_what_is_kept_and_shown_of_a_row(bench):
    kind = bench.tasks["chat"].kind
    row = rows_of(bench, "chat")[0]
    assert kind.plain(row) == [row.text, row.prompt]
    assert kind.shown(row) == f"{row.prompt} | {row.text}"
    assert kind.own_row("a text") is None
    assert kind.asks(bench.tasks["chat"].spec) == []
    assert causal_lm.CausalLM.metric.name == "loss"


def test_padding_beyond_the_models_rows_is_no_token_and_an_added_token_is_refused(copy):
    reader = speakers.tokenizer(False)
    reader.add_special_tokens({"pad_token": "[PAD]"})
    reader.add_tokens(["<new>"])
    plain = score(speakers.bench(copy), None)
    reader.save_pretrained(copy / "base")
    padded = score(speakers.bench(copy), None)
    assert padded["prose"].value == pytest.approx(plain["prose"].value, rel=1e-6)
    speakers.write(copy / "prose" / "held_out.jsonl", [{"text": "a <new> word"}, {"text": "b c d"}])
    with pytest.raises(BadData, match="as token 259, but .* has 258 rows of tokens"):
        score(speakers.bench(copy), None)
