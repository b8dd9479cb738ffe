"""The comparison's views: numbers, ties, marks, sorting, and names that come from strangers."""

import base64
import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from studio.compare.comparison import Table
from studio.compare.scale_search import Budget
from studio.compare.standings import MethodRow, References
from studio.compare.tables import by_task, comparison_csv, notes
from studio.measure.marks import Marks
from studio.measure.outcomes import Outcome
from studio.recipe import Recipe, TaskEntry
from studio.tasks.metric import AGREEMENT, AGREEMENT_WORDS
from studio.ui.views import compare as shown
from tests.outcomes import outcome as made_up
from tests.outcomes import with_losses

EVIL = "<img src=x onerror=1>"
TASKS = ("red", EVIL)
HALF = [1, 0] * 50


def outcome(*right, **costs) -> Outcome:
    return made_up(dict(zip(TASKS, right, strict=True)), **costs)


def row(name: str, method: str, *right, **fields) -> MethodRow:
    recipe = Recipe(
        "/base", tuple(TaskEntry(task, f"/{i}") for i, task in enumerate(TASKS)), method
    )
    made = outcome(*right, seconds=0.25, latency=0.002, peak=3_000_000) if right else None
    seen = {"held_out": made, "validation": made, "agreement": made}
    return MethodRow(name, recipe, **seen, **fields)


@pytest.fixture
def table() -> Table:
    refs = References(TASKS, outcome([1] * 100, [1] * 100), outcome(HALF, HALF), None)
    rows = (
        row("mdm_oc", "mdm_oc", [1] * 90 + [0] * 10, HALF),
        row("average", "average", HALF[::-1], [0] * 100),
        row("average (tuned)", "average", HALF, HALF, factor=2.0),
        row("ties", "ties", refusal=f"ties refuses {EVIL}"),
    )
    return Table(f"Zoo {EVIL}", Budget(3, 7, 100, 50), refs, rows)


def lines(html: str) -> dict[str, str]:
    return dict(re.findall(r"<tr[^>]*data-method='([^']+)'>(.*?)</tr>", html))


def saved(html: str, ending: str) -> str:
    return base64.b64decode(re.findall(rf"\.{ending}'[^>]*base64,([^']+)'", html)[0]).decode()


def test_before_a_comparison_it_is_said_what_it_would_be():
    assert "MDM-OC, Task arithmetic, Average, TIES: each merges" in shown.ABOUT
    assert shown.proposal(None) == shown.results(None) == shown.heat(None) == ""


def test_the_budget_stands_there_before_the_start():
    words = shown.budget(Budget(3, 7, 100, 50), tune=True)
    assert "3 methods x 7 scales x 100 validation rows = 2,100 row evaluations" in words


def test_a_row_holds_its_numbers_with_the_best_rival_and_the_worst_task(table):
    found = lines(shown.results(table))
    assert list(found) == ["mdm_oc", "average (tuned)", "average", "ties"]
    first = found["mdm_oc"]
    assert "<b>70.0%</b> ± " in first
    assert "▲ +20.0 ± " in first  # against average (tuned), at 50 %
    assert "Average (tuned)" in first
    assert "▼ -50.0 ± " in first  # the other task against its expert
    assert ">0.25<" in first
    assert ">2.00<" in first
    assert ">3<" in first
    assert "by rebuild" in first
    assert "data-row='mdm_oc'" in first
    assert "tuned, scale x 2" in found["average (tuned)"]


def test_worse_than_not_merging_is_a_word_and_not_color_alone(table):
    found = lines(shown.results(table))
    assert "▼ worse than not merging" in found["average"]
    assert "worse than not merging" not in found["average (tuned)"]


def test_a_refusal_is_a_row_and_names_are_escaped(table):
    for html in (shown.results(table), shown.heat(table), shown.proposal(table)):
        assert EVIL not in html
    assert "ties refuses &lt;img" in lines(shown.results(table))["ties"]


def test_the_proposal_says_whether_it_is_beyond_noise(table):
    assert "class='fine'" in shown.proposal(table)
    tie = replace(table, rows=(table.rows[2], row("mdm_oc", "mdm_oc", HALF, HALF)))
    assert "class='note'" in shown.proposal(tie)
    assert "this is a tie" in shown.proposal(tie)
    assert "= +0.0 ± " in lines(shown.results(tie))["mdm_oc"]


def test_the_heat_map_shows_the_difference_to_each_tasks_own_expert(table):
    html = shown.heat(table)
    assert "3 methods by 2 columns" in html
    header, *rows = csv.reader(saved(html, "csv").splitlines())
    assert header[1] == "red"
    assert [float(x) for x in rows[0][1:]] == pytest.approx([-0.1, -0.5])


def test_general_rows_stand_beside_the_mean_with_the_change_from_the_base(table):
    def with_general(each: Outcome, right) -> Outcome:
        more = {**each.marks, "grammar": Marks(np.array(right, float))}
        return replace(each, marks=more, groups=dict.fromkeys(more))

    first = table.rows[0]
    rows = (replace(first, held_out=with_general(first.held_out, [0, 1, 1, 1] * 25)),)
    refs = replace(table.references, base=with_general(table.references.base, [1] * 100))
    kept = replace(table, rows=rows, references=refs)
    found = lines(shown.results(kept))["mdm_oc"]
    assert "<b>70.0%</b>" in found
    assert "general grammar: 75.0%, -25.0 ± " in found
    header, row_, *_ = csv.reader(saved(shown.heat(kept), "csv").splitlines())
    assert header[-1] == "general: grammar"
    assert float(row_[-1]) == pytest.approx(-0.25)


def test_what_is_saved_is_the_table(table):
    html = shown.results(table)
    found = json.loads(saved(html, "json"))
    assert list(found["methods"]) == ["mdm_oc", "average (tuned)", "average"]
    assert found["methods"]["mdm_oc"]["mean"] == pytest.approx(0.7)
    assert saved(html, "csv").startswith("method,tuned,")
    assert "## Methods compared on Zoo &lt;img" in saved(html, "md")


def test_columns_can_be_sorted_and_missing_numbers_have_none(table):
    html = shown.results(table)
    assert html.count("data-sort=") == 10
    values = re.findall(r"<td class='num'( data-value='[^']*')?>", lines(html)["mdm_oc"])
    assert values[0] == " data-value='0.7'"
    assert values[2] == ""  # gain kept: no heads fitted on the base


def in_nats(table: Table, *names: str) -> Table:
    """The same with tasks that have a loss: 3 nats per token where a row was wrong, 1 if right."""

    def of(each: Outcome | None) -> Outcome | None:
        if each is None:
            return None
        return with_losses(each, {name: 6 - 4 * each.marks[name].values for name in names})

    rows = tuple(
        replace(
            row,
            held_out=of(row.held_out),
            validation=of(row.validation),
            agreement=of(row.agreement),
        )
        for row in table.rows
    )
    refs = table.references
    return replace(
        table, rows=rows, references=replace(refs, experts=of(refs.experts), base=of(refs.base))
    )


def test_of_losses_the_lowest_is_first_and_green_is_what_falls(table):
    losses = in_nats(table, *TASKS)
    html = shown.results(losses)
    assert list(lines(html)) == list(lines(shown.results(table)))
    first = lines(html)["mdm_oc"]
    assert "<b>1.600</b> ± " in first
    assert "<span class='up'>▲ -0.400 ± " in first
    assert "accuracy" not in html
    assert "<button type='button' data-sort='rising'>mean loss</button>" in html
    assert "Perplexity is the exponential" in html
    assert "mean loss 1.600" in shown.proposal(losses)
    heat = shown.heat(losses)
    assert "Loss against each task&#x27;s own expert, in nats per token" in heat
    header, *rows = csv.reader(saved(heat, "csv").splitlines())
    assert header[0] == "change of loss"
    assert [float(x) for x in rows[0][1:]] == pytest.approx([0.2, 1.0])


def test_both_metrics_have_a_mean_each_and_no_number_mixes_them(table):
    mixed = in_nats(table, "red")
    html = shown.results(mixed)
    assert ">mean accuracy</button>" in html
    assert ">mean loss</button>" in html
    assert "<b>50.0%</b>" in lines(html)["mdm_oc"]
    assert "<b>1.200</b>" in lines(html)["mdm_oc"]
    plain = json.loads(saved(html, "json"))["methods"]["mdm_oc"]
    assert plain["mean"] is None
    assert plain["means"]["loss"]["mean"] == pytest.approx(1.2)
    header = next(csv.reader(saved(html, "csv").splitlines()))
    assert header[3:7] == ["mean", "half of its interval", "mean loss", "half of its interval"]
    assert len({len(line) for line in csv.reader(saved(html, "csv").splitlines())}) == 1


def test_agreement_is_told_from_accuracy_in_every_table(table):
    def of(each: Outcome) -> Outcome:
        return replace(
            each, marks={**each.marks, "red": replace(each.marks["red"], metric=AGREEMENT)}
        )

    rows = tuple(
        replace(x, held_out=x.held_out and of(x.held_out), validation=None, agreement=None)
        for x in table.rows
    )
    refs = replace(table.references, experts=of(table.references.experts),
                   base=of(table.references.base))  # fmt: skip
    mixed = replace(table, rows=rows, references=refs)
    assert by_task(mixed)[0] == ["accuracy or agreement", "red (agreement)", EVIL]
    assert "red (agreement)" in comparison_csv(mixed).splitlines()[0]
    said = " ".join(notes(mixed))
    assert AGREEMENT_WORDS in said
    assert "percent of a loss" not in said
    assert "are of the mean of accuracy (1 task) and agreement (1 task)" in said
    worst = {each.worst[0] for each in mixed.standings}
    named = {"red (agreement)" if name == "red" else name for name in worst}
    lines = list(csv.DictReader(comparison_csv(mixed).splitlines()))
    assert {line["worst task"] for line in lines if line["worst task"]} == named
    assert "red" in worst
    assert "red (agreement)" in shown.results(mixed)
    assert "; by agreement red<" in shown.heat(mixed)
    assert saved(shown.heat(mixed), "csv").startswith("change of accuracy or agreement,red (agr")
    alone = " ".join(notes(table))
    assert "agreement" not in alone
