"""The judge against plain evaluations, on the tiny zoo."""

import json

import numpy as np
import pytest
import torch

from studio.best.judge import AGREES, LABELS, Judge
from studio.errors import BadData, BadRecipe
from studio.measure.bench import Bench
from studio.progress import silent
from studio.tasks.metric import ACCURACY, AGREEMENT
from studio.tasks.row_parts import DECIDING
from studio.zoo import load_zoo


def predictions(bench: Bench, merge, name: str) -> np.ndarray:
    """What a model answers, in the fair order of the rows."""
    bench.live.wear(merge)
    found = bench.evaluation(bench.heads([name]), DECIDING)
    for _ in found.run(bench.live):
        pass
    return found.predictions[name][found.parts[name].order]


@pytest.fixture(scope="module")
def judge(bench) -> Judge:
    made = Judge(bench, AGREES)
    made.take(made.experts(silent))
    return made


def test_agreement_is_the_share_of_rows_with_the_answer_of_the_expert(bench, judge):
    recipe = bench.zoo.recipe("average")
    values, _ = judge.values(recipe, 0, judge.rows, silent)
    found = judge.outcome(values)
    for name in bench.tasks:
        own = predictions(bench, bench.merge(recipe), name)
        expert = predictions(bench, bench.expert(name), name)
        assert values[name].tolist() == (own == expert).tolist()
        assert found.scores[name].metric is AGREEMENT
        assert found.scores[name].value == pytest.approx((own == expert).mean())


def test_experts_agree_with_themselves(bench, judge):
    alone = bench.zoo.recipe("task_arithmetic", 1.0)
    for name in bench.tasks:
        others = [each for each in bench.tasks if each != name]
        values, _ = judge.values(alone.without(*others), 0, judge.rows, silent)
        assert values[name].all()


def test_rows_that_are_judged_in_pieces_are_those_judged_at_once(bench, judge):
    recipe = bench.zoo.recipe("average")
    whole, _ = judge.values(recipe, 0, judge.rows, silent)
    parts = [judge.values(recipe, a, b, silent)[0] for a, b in ((0, 3), (3, judge.rows))]
    for name, each in whole.items():
        assert each.tolist() == [x for part in parts for x in part.get(name, [])]
    assert judge.asked(3) == {name: 3 for name in bench.tasks}


def test_by_labels_it_is_the_accuracy(bench):
    judge = Judge(bench, LABELS)
    assert judge.agrees == ()
    recipe = bench.zoo.recipe("average")
    values, _ = judge.values(recipe, 0, judge.rows, silent)
    name = "color"
    bench.live.wear(bench.merge(recipe))
    own = bench.evaluation(bench.heads([name]), DECIDING)
    for _ in own.run(bench.live):
        pass
    assert values[name].mean() == pytest.approx(own.scores()[name].value)
    assert judge.outcome(values).scores[name].metric is ACCURACY


def test_not_merging_is_the_base_with_heads_fitted_on_it_where_all_tasks_have_them(tiny_copy):
    def judged() -> dict:
        bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
        judge = Judge(bench, LABELS)
        own, _ = judge.values(None, 0, judge.rows, silent)
        return {name: each.tolist() for name, each in own.items()} | {"bench": bench}

    before = judged()  # 'color' has no such head
    answers = [row.answers[0] for row in before["bench"].tasks["color"].rows(DECIDING)]
    expected = predictions(before["bench"], None, "color")
    order = np.random.default_rng(0).permutation(len(answers))
    assert before["color"] == [float(x) for x in expected == np.array(answers)[order]]


def test_what_has_no_rows_to_decide_by_is_refused(tiny_copy):
    file = tiny_copy / "animal" / "validation.jsonl"
    rows = [json.loads(line) | {"group": "one"} for line in file.read_text().splitlines()]
    file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(BadData, match="'animal' has 30 validation rows, all of one group"):
        Judge(Bench(load_zoo(tiny_copy), torch.device("cpu")), AGREES)


def test_rows_without_labels_decide_by_agreement_alone(tiny_copy):
    file = tiny_copy / "color" / "validation.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("\n".join(json.dumps({"text": row["text"]}) for row in rows))
    bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    with pytest.raises(BadData, match="'color' has validation rows without a label"):
        Judge(bench, LABELS)
    judge = Judge(bench, AGREES)
    judge.take(judge.experts(silent))
    assert set(judge.values(None, 0, 2, silent)[0]) == {"color", "animal"}
    with pytest.raises(BadRecipe, match="criterion 'taste' is not one of agreement, accuracy"):
        Judge(bench, "taste")
