import csv
import json
from dataclasses import replace

import pytest
import torch

from studio.compare import compare, comparison_csv, comparison_json, comparison_markdown
from studio.compare.tables import comparison_text
from studio.errors import BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.change import changes
from studio.measure.metrics import mean_score, scores_json
from studio.measure.outcomes import Measuring, paired
from studio.methods import METHODS
from studio.methods.iso_c import IsoC
from studio.tasks.live_model import LiveModel
from studio.tasks.metric import AGREEMENT
from studio.tasks.row_parts import fair_order
from studio.zoo import load_zoo
from tests.compare.conftest import add_general
from tests.outcomes import outcome
from tests.scored import score_experts

PAIR = ("average", "mdm_oc")


def last(bench, methods=PAIR, **options):
    *_, table = compare(bench, methods, **options)
    return table


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture(scope="module")
def table(bench):
    """A comparison of the pair."""
    return last(bench)


@pytest.fixture
def no_model(monkeypatch):
    """From here on, whatever loads a model fails."""

    def arm():
        def refuse(*arguments):
            raise AssertionError("a model was loaded")

        monkeypatch.setattr(LiveModel, "__init__", refuse)

    return arm


def test_scores_are_those_of_an_evaluation_and_differences_those_of_the_same_rows(bench, table):
    evaluations = {}
    for row in table.rows:
        bench.live.wear(bench.merge(row.recipe))
        evaluations[row.name] = bench.evaluation(bench.heads(bench.scored()), "held_out")
        for _ in evaluations[row.name].run(bench.live):
            pass
    average, mdm_oc = table.standings
    for each in table.standings:
        assert each.outcome.scores == evaluations[each.row.name].scores()
    expected = changes(evaluations["average"], evaluations["mdm_oc"])
    assert paired(average.outcome, mdm_oc.outcome) == expected
    assert average.rival is not None
    name, change = average.rival
    assert name == "mdm_oc"
    assert change.mean == pytest.approx(average.means[0].value - mdm_oc.means[0].value)
    assert scores_json(table.references.experts.scores) == scores_json(score_experts(bench))


def test_a_method_starts_with_the_coefficient_that_the_mixer_starts_with(table):
    average, mdm_oc = table.rows
    assert [task.coefficient for task in average.recipe.tasks] == [None, None]
    assert [task.coefficient for task in mdm_oc.recipe.tasks] == [0.71, 0.71]  # 1 / sqrt(2)


def test_results_come_one_by_one_and_references_first(bench):
    tables = list(compare(bench, PAIR, tune=True))
    assert [[row.name for row in table.rows] for table in tables] == [
        [], ["average"], ["average", "average (tuned)"],
        ["average", "average (tuned)", "mdm_oc"],
        ["average", "average (tuned)", "mdm_oc", "mdm_oc (tuned)"],
    ]  # fmt: skip


def test_a_second_comparison_loads_no_model_and_says_the_same(opened, no_model):
    first = comparison_json(last(opened(), tune=True))
    no_model()
    assert comparison_json(last(opened(), tune=True)) == first


def test_what_was_cancelled_goes_on_where_it_stopped(opened, no_model):
    seen = []

    def stop(share, words):
        seen.append(words)
        if words.startswith("MDM-OC:"):
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        last(opened(), progress=stop)
    assert any(words.startswith("Average: evaluating") for words in seen)
    no_model()
    tables = compare(opened(), PAIR)
    assert [len(next(tables).rows) for _ in range(2)] == [0, 1]  # average is not run again


@pytest.mark.parametrize("changed", ["rows", "labels of validation", "the tokenizer"])
def test_other_rows_are_measured_again(opened, tiny_copy, no_model, changed):
    last(opened(), ["average"])
    if changed == "the tokenizer":
        file = tiny_copy / "base" / "tokenizer_config.json"
        file.write_text(file.read_text() + "\n")
    else:
        split = "held_out" if changed == "rows" else "validation"
        file = tiny_copy / "animal" / f"{split}.jsonl"
        lines = file.read_text().splitlines()
        lines[0] = json.dumps(json.loads(lines[0]) | {"text": "the big red"})
        file.write_text("\n".join(lines))
    no_model()
    with pytest.raises(AssertionError, match="a model was loaded"):
        last(opened(), ["average"])


def test_tuning_chooses_on_validation_rows_alone(bench):
    table = last(bench, ["average"], tune=True)
    default, tuned = table.rows
    assert tuned.name == "average (tuned)"
    assert tuned.recipe.tasks[0].coefficient in (None, tuned.factor)
    assert default.validation is not None
    assert tuned.validation is not None
    means = [mean_score(each.scores) for each in (default.validation, tuned.validation)]
    assert means[1] >= means[0]


def test_a_method_that_refuses_the_zoo_is_a_row_with_its_sentence(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # no other test's scores are recalled

    def change(self, entries, given):
        raise BadRecipe("iso_c takes exactly three tasks; this recipe has 2.")

    monkeypatch.setattr(IsoC, "change", change)
    table = last(bench, ["iso_c", "average"], tune=True)
    assert table.refusals == {"iso_c": "iso_c takes exactly three tasks; this recipe has 2."}
    assert [each.row.name for each in table.standings] == ["average", "average (tuned)"]
    assert comparison_json(table)["refused"] == table.refusals
    for text in (comparison_text(table), comparison_markdown(table), comparison_csv(table)):
        assert "takes exactly three tasks" in text


def test_all_means_every_method_and_a_name_counts_once(bench):
    tables = compare(bench, ["average", "all"])
    assert next(tables).budget.methods == len(METHODS)


def proposed(table):
    return comparison_json(table)["proposal"]["words"]


def table_of(table, **correct):
    """The comparison with other right rows."""
    rows = []
    for row in table.rows:
        made = outcome({task: correct[row.name] for task in table.references.tasks})
        rows.append(replace(row, held_out=made, validation=made, agreement=made))
    floor = outcome({task: [1, 0] * 50 for task in table.references.tasks})
    found = replace(table.references, base=floor, experts=floor)
    return replace(table, rows=tuple(rows), references=found, floor=None)


def test_what_agrees_most_with_the_experts_is_proposed_and_no_label_decides(table):
    made = table_of(table, average=[1] * 100, mdm_oc=[0, 1] * 50)
    turned = {"average": made.rows[1].agreement, "mdm_oc": made.rows[0].agreement}
    rows = tuple(replace(row, agreement=turned[row.name]) for row in made.rows)
    assert comparison_json(made)["proposal"]["method"] == "average"
    assert comparison_json(replace(made, rows=rows))["proposal"]["method"] == "mdm_oc"


def test_nothing_is_proposed_that_agrees_less_than_not_merging(table):
    made = table_of(table, average=[1] * 60 + [0] * 40, mdm_oc=[0, 1] * 50)
    floor = outcome({task: [1] * 90 + [0] * 10 for task in made.references.tasks})
    words = proposed(replace(made, floor=floor))
    assert comparison_json(replace(made, floor=floor))["proposal"]["method"] is None
    assert words.startswith("No method is proposed: even Average, the best on validation rows")
    assert "does worse there than not merging (-30.0 ±" in words
    low = outcome({task: [0] * 100 for task in made.references.tasks})
    assert "Average wins" in proposed(replace(made, floor=low))


def test_agreement_is_measured_on_rows_that_nothing_was_measured_on(bench):
    found = last(bench, ("average", "regmean"))
    assert found.budget.split == "remaining validation"
    for row in found.rows:
        assert row.agreement is not None
        assert row.validation is not None
        metrics = {score.metric for score in row.agreement.scores.values()}
        assert metrics == {AGREEMENT}
        counts = {name: score.n for name, score in row.agreement.scores.items()}
        assert counts == {n: len(bench.tasks[n].rows(found.budget.split)) for n in counts}
    assert found.floor is not None


def test_ties_are_called_ties_and_winners_winners(table):
    tie = table_of(table, average=[1, 0] * 50, mdm_oc=[0, 1] * 50)
    assert comparison_json(tie)["methods"]["average"]["rival"]["verdict"] == "cannot tell"
    assert "(mdm_oc, tie)" in comparison_text(tie)
    assert "this is a tie" in proposed(tie)
    clear = table_of(table, average=[1] * 100, mdm_oc=[0, 1] * 50)
    assert "Average wins on validation rows (100.0%, n=200)" in proposed(clear)
    assert "which is beyond noise" in proposed(clear)
    assert "measured the experts" not in proposed(clear)


def test_a_proposal_says_that_a_method_has_seen_validation_rows(table):
    clear = table_of(table, average=[1] * 100, mdm_oc=[0, 1] * 50)
    rows = [
        replace(row, recipe=replace(row.recipe, method="fisher"), name="fisher")
        if row.name == "average"
        else row
        for row in clear.rows
    ]
    seen = replace(clear, rows=tuple(rows))
    assert proposed(seen).endswith("Fisher measured the experts on other validation rows.")


def test_worse_than_not_merging_is_marked_when_it_is_beyond_noise(table):
    found = table_of(table, average=[0] * 100, mdm_oc=[1, 0] * 49 + [0, 0])
    mdm_oc, average = found.standings  # the best mean first
    assert average.worse_than_not_merging
    assert not mdm_oc.worse_than_not_merging  # below the base, but by one row
    assert comparison_json(found)["methods"]["average"]["worse_than_not_merging"] is True
    assert comparison_text(found).count("worse than not merging") == 1


def test_the_worst_task_is_the_largest_loss_against_its_expert(bench):
    table = last(bench, ["mdm_oc"])
    (standing,) = table.standings
    experts = table.references.experts.scores
    losses = {n: s.value - experts[n].value for n, s in standing.scores.items()}
    assert standing.worst[0] == min(losses, key=losses.__getitem__)
    assert standing.worst[1].mean == pytest.approx(min(losses.values()))
    assert standing.rival is None
    assert "no other method" in proposed(table)


def test_gain_kept_is_shown_where_every_task_has_a_head_fitted_on_the_base(
    opened, table, tiny_copy
):
    import yaml

    assert table.standings[0].gain is None
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    for task in zoo["tasks"]:
        task["head_only"] = "animal/head_only.safetensors"
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    table = last(opened())
    assert table.references.floor[0] == "head-only"
    found = comparison_json(table)
    merged = found["methods"]["average"]["mean"]
    expert, floor = found["experts"]["mean"], found["head_only"]["mean"]
    gain = (merged - floor) / (expert - floor) if expert > floor else None
    assert table.standings[0].gain == (gain and pytest.approx(gain))


def test_costs_are_measured(table):
    for each in table.standings:
        assert each.outcome.seconds > 0
        assert each.outcome.latency > 0
        assert each.outcome.peak >= 0


def test_general_rows_stand_beside_the_mean_and_never_in_it(opened, table, tiny_copy):
    before = table.standings
    add_general(tiny_copy)
    table = last(opened())
    for old, new in zip(before, table.standings, strict=True):
        assert new.scores == old.scores
        assert new.means == old.means
        score, change = new.general["grammar"]
        assert (score.n, change.n) == (40, 40)
        base = table.references.base.scores["grammar"].value
        assert change.mean == pytest.approx(score.value - base)
    found = comparison_json(table)
    assert set(found["methods"]["average"]["general"]["grammar"]["change"]) == {
        "mean", "half", "n", "verdict",
    }  # fmt: skip
    assert "grammar" not in found["methods"]["average"]["tasks"]
    assert "grammar" not in found["base"]["tasks"]
    assert "general: grammar" in comparison_text(table)


def test_a_csv_line_has_a_cell_for_every_column(opened, tiny_copy):
    add_general(tiny_copy)
    lines = list(csv.reader(comparison_csv(last(opened(), tune=True)).splitlines()))
    assert {len(line) for line in lines} == {len(lines[0])}
    row = dict(zip(lines[0], lines[1], strict=True))
    assert float(row["mean"]) == pytest.approx((float(row["color"]) + float(row["animal"])) / 2)
    assert lines[-1][0] == "base"


def test_markdown_takes_names_for_text(table):
    text = comparison_markdown(table)
    assert "## Methods compared on Tiny &lt;zoo>" in text
    assert "| mdm\\_oc |" in text


def test_measured_without_rows_of_a_split_is_refused(opened, tiny_copy):
    import yaml

    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    for task in zoo["tasks"]:
        task.pop("data")
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    from studio.errors import BadData

    with pytest.raises(BadData, match="nothing to score"):
        compare(opened(), PAIR)


def test_an_outcome_on_few_rows_is_the_beginning_of_the_fixed_shuffle(bench):
    recipe = bench.zoo.recipe("average")
    few, every = (Measuring(bench).merged(recipe, "validation", most) for most in (10, None))
    order = fair_order(30)[:10]
    for name, marks in few.marks.items():
        assert marks.values.tolist() == every.marks[name].values[order].tolist()
    some, all_groups = few.groups["animal"], every.groups["animal"]
    assert few.groups["color"] is None
    assert some is not None
    assert all_groups is not None
    assert some.tolist() == all_groups[order].tolist()
