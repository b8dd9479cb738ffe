"""What a zoo's models write: transformers' own model of each folder writes the same."""

import json
from typing import Any, cast

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from studio.errors import BadData
from studio.measure.writing import (
    ENDED,
    FULL,
    Asked,
    Piece,
    Scribe,
    Written,
    differing,
    openings,
    refused,
    writers,
    written,
)
from studio.tasks.kinds.writing import Manner
from tests.conftest import refusal
from tests.tasks.kinds import choosers, speakers

ASKED = Asked("prose", "the red cat", Manner(16))


@pytest.fixture(scope="module", params=sorted(speakers.MODELS))
def bench(request, tmp_path_factory):
    return speakers.bench(speakers.build(tmp_path_factory.mktemp("zoo") / "zoo", request.param))


@pytest.fixture
def scribe(bench):
    return Scribe(bench.live, bench.tasks)


def generated(bench, model: Any) -> str:
    reader = bench.live.readers["causal-lm"]
    given = reader(ASKED.text, return_tensors="pt")
    with torch.no_grad():
        found = model.eval().generate(**given, max_new_tokens=16, do_sample=False, pad_token_id=0)
    said = reader.decode(found[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
    return said.rstrip("\ufffd")


def test_base_experts_and_their_adapters_write_what_transformers_and_peft_generate(bench, scribe):
    folder = bench.zoo.folder
    base, expert, other = (
        cast(Any, AutoModelForCausalLM.from_pretrained(folder / name))
        for name in ("base", "prose", "base")
    )
    for name, merge, own in (
        ("base", bench.untouched(), base),
        ("prose", bench.expert("prose"), expert),
        ("chat", bench.expert("chat"), PeftModel.from_pretrained(other, folder / "chat")),
    ):
        found = written(scribe, bench.live, merge, name, ASKED)
        assert found.text == generated(bench, own), name
        assert found.ending == (FULL if len(found.pieces) == 16 else ENDED)
        assert all(0 < each.probability <= 1 for each in found.pieces if each.probability)


def test_a_prompt_costs_what_the_class_says(bench, scribe):
    model: Any = AutoModelForCausalLM.from_pretrained(bench.zoo.folder / "base")
    ids = bench.live.readers["causal-lm"](ASKED.text, return_tensors="pt")["input_ids"]
    bench.live.wear(None)
    found = scribe.step("base", ASKED, None)
    with torch.no_grad():
        assert found.loss == pytest.approx(float(model(ids, labels=ids).loss), rel=1e-4)
    assert found.read[0].probability is None
    assert "".join(each.text for each in found.read).removeprefix("<s>") == ASKED.text
    assert (found.pieces, found.ending) == ((), "")


def test_a_text_that_another_one_interrupts_is_the_same(bench, scribe):
    drawn = Asked("prose", "the red cat", Manner(12, 1.0, 3))
    alone = written(scribe, bench.live, None, "base", drawn)
    assert written(Scribe(bench.live, bench.tasks), bench.live, None, "base", drawn) == alone
    found = scribe.step("base", drawn, None)
    while not found.ending:
        bench.live.wear(bench.expert("prose"))
        scribe.step("prose", ASKED, None)
        bench.live.wear(None)
        found = scribe.step("base", drawn, found)
    assert found.text == alone.text


def test_an_end_is_a_piece_without_text(bench, scribe):
    bench.live.wear(None)
    begun = scribe.step("base", ASKED, None)
    first = scribe.step("base", ASKED, begun)
    ending = begun.prompt.__class__(begun.prompt.ids, 0, frozenset(first._ids))
    found = scribe.step("base", ASKED, Written(ending, begun.read))
    assert found.ending == ENDED
    assert found.pieces == (Piece("", first.pieces[0].probability),)


def test_an_empty_prompt_is_refused_and_a_refusal_says_why(bench, scribe):
    with pytest.raises(BadData) as error:
        scribe.step("base", Asked("prose", " ", Manner()), None)
    assert "The prompt is empty" in refusal(error)
    assert refused(error.value).refusal == refusal(error)


def test_every_task_of_a_kind_that_writes_reads_its_prompts_as_the_first(bench):
    assert writers(bench) == {"prose": "prose", "chat": "prose"}
    found = openings(bench.tasks["chat"], 5)
    assert found == list(
        dict.fromkeys(row.prompt for row in bench.tasks["chat"].rows("held_out")[:5])
    )


def test_a_kind_asked_by_a_head_writes_nothing(tmp_path):
    choosers.headed(tmp_path, "Bert")
    rows = [{"question": "a", "options": ["b", "c"], "answer": 0}]
    choosers.write_zoo(tmp_path, {"expert": rows}, "multiple-choice")
    assert writers(speakers.bench(tmp_path)) == {}


def test_kinds_of_one_zoo_write_alike_and_questions_are_prompts(bench, tmp_path):
    zoo = json.loads(json.dumps(speakers.zoo()))
    choices = {"name": "quiz", "checkpoint": "chat", "type": "multiple-choice", "data": {}}
    choices["data"] = {"held_out": str(tmp_path / "quiz.jsonl")}
    speakers.write(tmp_path / "quiz.jsonl", [{**choosers.ROWS[0], "answer": 1}])
    zoo["tasks"] = [zoo["tasks"][0], choices]
    (bench.zoo.folder / "mixed.yaml").write_text(json.dumps(zoo))
    mixed = speakers.bench(bench.zoo.folder / "mixed.yaml")
    assert writers(mixed) == {"prose": "prose", "quiz": "quiz"}
    assert openings(mixed.tasks["quiz"], 5) == [choosers.ROWS[0]["question"]]
    own, scribe = Asked("quiz", ASKED.text, ASKED.manner), Scribe(mixed.live, mixed.tasks)
    found = [written(scribe, mixed.live, None, "base", each) for each in (ASKED, own)]
    assert found[0] == found[1]


def test_pieces_differ_where_the_longest_common_order_has_no_place_for_them():
    one, other = ([Piece(x, 0.5) for x in text] for text in ("the cat", "then a cat"))
    assert differing(one, other) == [False] * 7
    assert differing(other, one) == [x in (3, 4, 5) for x in range(10)]
    assert differing([], one) == []
