"""How coefficients of trials are searched: by what, on which rows, and from where again."""

import json

import pytest
import torch

from studio.best.coefficients import search_plan, searched
from studio.errors import Cancelled
from studio.measure.bench import Bench
from studio.progress import silent
from studio.search import run as search_run
from studio.tasks.row_parts import FITTED, MEASURED
from studio.zoo import load_zoo


def test_agreement_needs_no_labels_and_labels_do(bench, tiny_copy):
    plans = [search_plan(bench, name) for name in ("agreement", "accuracy")]
    assert [plan.loss for plan in plans if plan] == ["expert", "labels"]
    file = tiny_copy / "color" / "validation.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("\n".join(json.dumps({"text": row["text"]}) for row in rows))
    bare = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    assert search_plan(bare, "agreement")
    assert search_plan(bare, "accuracy") is None


@pytest.mark.parametrize(("method", "split"), [("mdm_oc", MEASURED), ("fisher", FITTED)])
def test_rows_that_decide_are_never_fitted_on(bench, tmp_path, monkeypatch, method, split):
    seen = []

    def chosen_rows(bench, name, most, needs_labels, split):
        seen.append(split)
        raise Cancelled("Enough.")

    monkeypatch.setattr(search_run, "chosen_rows", chosen_rows)
    monkeypatch.setattr(search_run, "refuse_unsearchable", lambda *_: None)
    plan = search_plan(bench, "agreement")
    assert plan
    with pytest.raises(Cancelled):
        searched(bench, bench.zoo.recipe(method), plan, tmp_path / "none.json", silent)
    assert seen == [split]


def test_a_damaged_file_of_answers_is_passed_over_and_gone_in_the_end(bench, tmp_path):
    file = tmp_path / "search.json"
    file.write_text("{")
    plan = search_plan(bench, "agreement")
    assert plan
    found = searched(bench, bench.zoo.recipe("mdm_oc", 0.4), plan, file, silent)
    assert not file.exists()
    assert found.fitted
    assert found.fitted.by == "Adam"
