"""Checks and verdicts of measures that are made by hand, sentence by sentence."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from studio.evidence.attack import Attack
from studio.evidence.checks import FAIL, INFORMATION, NOT_RUN, PASS, Check, checks, verdict
from studio.evidence.closure import CARRIED, REBUILT, Dependency
from studio.evidence.measures import Behaviour, Drop, Measures, measure
from studio.evidence.rebuild import Rebuild, rebuilt_root
from studio.evidence.residue import LayerResidue, Residue
from studio.evidence.unmerge import Unmerging, unmerging
from studio.evidence.wording import ALGEBRAIC, BY_DEFAULT, CARRIED_OVER, EXACT, ORIGINS
from studio.measure.intervals import Score
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from studio.tasks.metric import LOSS

ROOT_OF_WEIGHTS = "0123456789abcdef" + "0" * 48
APART = Rebuild(ROOT_OF_WEIGHTS, 1.25, 3 * 2**20, 1, "DEFAULT")
NAMES = ("red", "green", "blue")
FULL = Recipe("/base", tuple(TaskEntry(name, f"/{name}", 0.5) for name in NAMES))
NEW = TaskEntry("red", "/red-again")
NO_ZOO: dict[str, str] = {key: "No zoo." for key in ("B2", "C1", "C2")}


def at(accuracy: float, half: float = 0.05, n: int = 1000) -> Score:
    return Score(accuracy, n, accuracy - half, accuracy + half, "wilson")


def apart(relative: float, differing: int = 1234) -> Residue:
    """A residue at this distance from the never-merged model, whose change has the length 10."""
    layers = {"layer.0": LayerResidue(100 * relative**2, 100.0)}
    return Residue(4000, differing, 77 if differing else 0, {}, layers, (0.0, 0.0))


def behaviour(after: float, never: float, base: float, own: float, **more) -> Behaviour:
    four = [{"red": at(x)} for x in (after, never, base, own)]
    return Behaviour(four[0], four[1], four[2], four[3], more.get("drop"))


def measures(
    removed: tuple[str, ...] = ("red",), mode: str = "exact", added: TaskEntry | None = None,
    **fields,
) -> Measures:  # fmt: skip
    """Measures of an unmerge of three tasks, by default a perfect one without a zoo."""
    found = Measures(
        Unmerging(FULL, removed, mode, added), ROOT_OF_WEIGHTS, ROOT_OF_WEIGHTS, None, apart(0, 0),
        (0.25, 0.5), reasons=NO_ZOO,
    )  # fmt: skip
    return replace(found, **fields)


def subtracted(relative: float = 0.2, removed: tuple[str, ...] = ("red",), **fields) -> Measures:
    found = measures(removed, "algebraic", residue=apart(relative))
    return replace(found, **fields)


def pick(table: list[Check], key: str) -> Check:
    (one,) = [each for each in table if each.id == key]
    return one


def judged(found: Measures, claimed: str = EXACT, other: Rebuild | None = APART, closure=()):
    return verdict(found, checks(found, other), claimed, closure)


def test_all_thirteen_measures_are_listed_run_or_not():
    table = checks(measures(), APART)
    ids = ["A1", "A2", "A3", "B1", "B2", "C1", "C2", "D1", "C3", "C4", "C5", "C6", "C7"]
    assert [each.id for each in table] == ids
    assert {each.id for each in table if each.result == NOT_RUN} == {
        "B2", "C1", "C2", "C3", "C4", "C5", "C6", "C7",
    }  # fmt: skip
    assert pick(table, "B2").words == "No zoo."
    assert pick(table, "C4").words == "The studio does not measure it."
    assert pick(table, "D1").result == INFORMATION
    for each in table:
        assert each.plain() == vars(each)


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        (
            ("red",),
            "red has no influence on these weights: they are computed from the base and 2 other "
            "checkpoints, and a separate process that was not given it computed the same bits.",
        ),
        (
            ("red", "green"),
            "red and green have no influence on these weights: they are computed from the base "
            "and 1 other checkpoint, and a separate process that was not given them computed the "
            "same bits.",
        ),
        (
            NAMES,
            "red, green and blue have no influence on these weights: they are computed from the "
            "base and 0 other checkpoints, and a separate process that was not given them "
            "computed the same bits.",
        ),
    ],
)
def test_a_pass_names_what_is_gone_and_what_is_left(removed, words):
    origin = f" This is {ORIGINS[BY_DEFAULT]}."
    assert judged(measures(removed)) == (PASS, words + origin)


def test_a_replacement_speaks_of_the_earlier_checkpoint():
    result, words = judged(measures(added=NEW))
    assert result == PASS
    assert words.startswith(
        "The earlier checkpoint of red has no influence on these weights: they are computed from "
        "the base and 3 other checkpoints, and"
    )


def test_without_a_separate_rebuild_nothing_has_passed():
    result, words = judged(measures(), other=None)
    assert (result, words.split(". ")[1]) == (
        NOT_RUN,
        "A separate rebuild has not checked this yet.",
    )
    assert pick(checks(measures(), None), "A1").words == "Run the checks."


def test_another_root_fails_and_shows_both():
    other = replace(APART, root="f" * 64, capability="AVX2")
    result, words = judged(measures(), other=other)
    assert result == FAIL
    assert words == (
        "red cannot be called removed: A separate process, on 1 thread with AVX2 instructions, "
        "that was given the base and the kept checkpoints only, computed another root: "
        "ffffffffffffffff… instead of 0123456789abcdef…"
    )
    (row,) = [each for each in checks(measures(), other) if each.id == "A1"]
    assert (row.value, row.result) == ("different", FAIL)


def test_what_was_written_is_compared_and_not_what_was_streamed():
    assert pick(checks(measures(), APART, "e" * 64), "A1").result == FAIL
    assert pick(checks(measures(root="e" * 64), APART, ROOT_OF_WEIGHTS), "A1").result == PASS


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        (
            ("red",),
            "red was subtracted, not removed: the weights are 20.00% away from a model that never "
            "had it, measured by that model's own change of the base.",
        ),
        (
            ("red", "blue"),
            "red and blue were subtracted, not removed: the weights are 20.00% away from a model "
            "that never had them, measured by that model's own change of the base.",
        ),
    ],
)
def test_a_subtraction_is_called_that_with_its_distance(removed, words):
    assert judged(subtracted(0.2, removed), ALGEBRAIC) == (FAIL, words)


@pytest.mark.parametrize(
    ("relative", "words"),
    [(0.0, "0 %"), (5e-05, "5.0e-05"), (1e-4, "0.01%"), (0.12345, "12.35%"), (2.5, "250.00%")],
)
def test_a_share_is_shown_so_that_a_small_one_is_no_zero(relative, words):
    found = subtracted(relative)
    assert f"the weights are {words} away" in judged(found, ALGEBRAIC)[1]
    assert pick(checks(found, APART), "B1").words.startswith(f"{words} of that change.")


@pytest.mark.parametrize(("removed", "it"), [(("red",), "it"), (("red", "blue"), "them")])
def test_coefficients_carried_over_have_a_sentence_of_their_own(removed, it):
    result, words = judged(measures(removed), CARRIED_OVER)
    names = " and ".join(removed)
    assert (result, words) == (
        FAIL,
        f"The weights were rebuilt without {names}, but the coefficients were found with {it} and "
        "carried over: this is no exact removal.",
    )


def test_what_else_was_carried_over_is_listed():
    table = [
        Dependency("basis", CARRIED, ("red",), ""),
        Dependency("inner products", REBUILT, ("green",), ""),
        Dependency("heads and labels", CARRIED, ("red",), ""),
    ]
    assert judged(measures(), ALGEBRAIC, closure=table) == (
        FAIL,
        "red cannot be called removed: carried over from before: basis, heads and labels.",
    )


def test_a_checkpoint_that_is_still_a_source_fails_with_its_coefficient():
    spans = {"red": ((0.4, 0.5), (-0.31, -0.02), None)}
    row = pick(checks(subtracted(coefficients=spans), APART), "A2")
    assert (row.result, row.value) == (FAIL, -0.31)
    assert row.words == (
        "red is still among the inputs, with the coefficient 0; in the raw deltas that leaves "
        "-0.3100."
    )
    row = pick(checks(subtracted(), APART), "A2")  # a method that mixes no raw deltas
    assert (row.value, row.words) == (
        None, "red is still among the inputs, with the coefficient 0.",
    )  # fmt: skip


@pytest.mark.parametrize(("removed", "added"), [(("red",), None), (NAMES, None), (("red",), NEW)])
def test_an_absent_checkpoint_is_absent_and_its_successor_is_another_one(removed, added):
    row = pick(checks(measures(removed, added=added), APART), "A2")
    assert (row.result, row.value, row.threshold) == (PASS, "absent", "absent")
    assert "absent: neither recipe nor coefficients name " in row.words


def test_weights_that_differ_are_counted_against_all():
    row = pick(checks(subtracted(), APART), "A3")
    assert (row.result, row.value, row.n) == (FAIL, 1234, 4000)
    assert row.words == ("1,234 of 4,000 weights differ, by up to 77 units in the last place.")
    row = pick(checks(measures(), APART), "A3")
    assert (row.result, row.value, row.words) == (PASS, 0, "0 of 4,000 weights differ.")


def test_the_cosine_with_the_removed_component_is_told():
    residue = replace(apart(0.2), along=(-4.0, 16.0))  # ‖R‖ = 2, ‖component‖ = 4: cos = -4 / 8
    row = pick(checks(subtracted(residue=residue), APART), "B1")
    assert row.words == (
        "20.00% of that change. Its cosine with the removed task's component is -0.500."
    )


def test_a_result_that_is_the_base_has_nothing_to_compare_with():
    nothing = Residue(4000, 0, 0, {}, {"layer.0": LayerResidue(0.0, 0.0)})
    row = pick(checks(measures(NAMES, residue=nothing), APART), "B1")
    assert (row.result, row.value) == (PASS, None)
    assert row.words == "Nothing is merged any more: the result is the base."
    left = replace(nothing, differing=3)
    assert pick(checks(measures(NAMES, residue=left), APART), "B1").result == FAIL


def test_an_attack_that_brings_the_task_back_fails_with_all_numbers():
    found = subtracted(
        behaviour=behaviour(0.3, 0.2, 0.1, 0.6), reasons={},
        attack=Attack("red", at(0.5), 2.0, "validation"),
    )  # fmt: skip
    row = pick(checks(found, APART), "B2")
    assert (row.result, row.value, row.n, row.low, row.high) == (FAIL, 0.5, 1000, 0.45, 0.55)
    assert row.words == (  # (0.5 - 0.2) / (0.6 - 0.2) = 75 %
        "50.0% of 1,000 held-out rows (95 %: 45.0% to 55.0%), 75% of its gain; its own model has "
        "60.0%, the never-merged one 20.0%."
    )


@pytest.mark.parametrize(
    ("accuracy", "result", "back"),
    [(0.30, PASS, ", 25% of its gain"), (0.32, FAIL, ", 30% of its gain"), (0.15, PASS, "")],
)
def test_an_attack_counts_once_its_interval_lies_above_the_reference(accuracy, result, back):
    """The never-merged model has 0.2 ± 0.05; the attack's lower end must be above 0.25."""
    found = subtracted(
        behaviour=behaviour(0.3, 0.2, 0.1, 0.6), reasons={},
        attack=Attack("red", Score(accuracy, 1000, round(accuracy - 0.05, 2), 1, "wilson"), 1, ""),
    )  # fmt: skip
    row = pick(checks(found, APART), "B2")
    assert row.result == result
    assert f"to 100.0%){back}; its own" in row.words


def test_a_task_that_gained_nothing_has_no_share_of_a_gain():
    found = subtracted(
        behaviour=behaviour(0.3, 0.2, 0.1, 0.2), reasons={}, attack=Attack("red", at(0.5), 2.0, "")
    )
    assert "of its gain" not in pick(checks(found, APART), "B2").words


def test_without_a_residue_the_attack_is_impossible():
    found = measures(behaviour=behaviour(0.2, 0.2, 0.1, 0.6), reasons={})
    row = pick(checks(found, APART), "B2")
    assert (row.result, row.value) == (PASS, "impossible")
    assert row.words == (
        "Nothing to amplify: the residue is 0, so the attack has nothing to start from."
    )


def test_the_removed_task_must_be_as_good_as_if_it_had_never_been_there():
    row = pick(checks(measures(behaviour=behaviour(0.2, 0.2, 0.15, 0.6), reasons={}), APART), "C1")
    assert (row.result, row.value, row.n) == (PASS, 0.2, 1000)
    assert (row.low, row.high) == (pytest.approx(0.15), pytest.approx(0.25))
    assert row.words == (
        "red: 20.0% (95 %: 15.0% to 25.0%, n=1,000); never merged 20.0%, base 15.0%, its own "
        "model 60.0%."
    )
    row = pick(
        checks(subtracted(behaviour=behaviour(0.3, 0.2, 0.15, 0.6), reasons={}), APART), "C1"
    )
    assert row.result == FAIL


def test_above_the_base_related_tasks_are_named_as_the_reason():
    row = pick(checks(measures(behaviour=behaviour(0.5, 0.5, 0.1, 0.6), reasons={}), APART), "C1")
    assert row.result == PASS
    assert row.words.endswith(" Above the base: kept tasks that are related teach it, too.")


def test_each_removed_task_has_a_row_of_its_own():
    four = [{"red": at(x), "blue": at(x + 0.1)} for x in (0.2, 0.2, 0.1, 0.6)]
    of_both = Behaviour(four[0], four[1], four[2], four[3], None)
    found = measures(("red", "blue"), behaviour=of_both, reasons={"B2": "one only"})
    rows = [each for each in checks(found, APART) if each.id == "C1"]
    assert [row.words.split(":")[0] for row in rows] == ["red", "blue"]
    assert pick(checks(found, APART), "B2").words == "one only"


def test_what_the_kept_tasks_lose_is_information_with_an_interval():
    drop = Drop(0.0125, 0.004, 0.031, "green", 2000)
    row = pick(
        checks(measures(behaviour=behaviour(0.2, 0.2, 0.1, 0.6, drop=drop), reasons={}), APART),
        "C2",
    )
    assert (row.result, row.value, row.n) == (INFORMATION, 0.0125, 2000)
    assert (row.low, row.high) == (pytest.approx(0.0085), pytest.approx(0.0165))
    assert row.words == "+1.2 ± 0.4 points in the mean, worst +3.1 (green), n=2,000."


def test_no_kept_rows_are_a_reason_and_not_a_zero():
    found = measures(
        behaviour=behaviour(0.2, 0.2, 0.1, 0.6), reasons={"C2": "No task that is kept has rows."}
    )
    row = pick(checks(found, APART), "C2")
    assert (row.result, row.value, row.words) == (NOT_RUN, None, "No task that is kept has rows.")


def test_the_seconds_say_what_they_are_of():
    assert pick(checks(measures(), APART), "D1").words == (
        "This operation 0.25 s, rebuilt without the task 0.50 s; in a separate process on one "
        "thread 1.25 s with at most 3 MB. Training all tasks again was not tried."
    )
    assert pick(checks(measures(), None), "D1").words == (
        "This operation 0.25 s, rebuilt without the task 0.50 s. Training all tasks again was not "
        "tried."
    )


def test_subtracting_the_task_that_came_last_gives_the_same_bits_and_is_still_no_removal(
    make_recipe,
):
    """Nothing after it was made orthogonal to it, so the three models agree; A2 still fails."""
    unmerged = unmerging(make_recipe(), ("blue",), "algebraic")
    found = measure(open_merge, unmerged, None)
    never = rebuilt_root(open_merge(unmerged.never))
    table = checks(found, replace(APART, root=never))
    assert (found.residue.differing, found.residue.relative) == (0, 0.0)
    assert {key: pick(table, key).result for key in ("A1", "A2", "A3", "B1")} == {
        "A1": PASS, "A2": FAIL, "A3": PASS, "B1": PASS,
    }  # fmt: skip
    assert pick(table, "A2").words == (
        "blue is still among the inputs, with the coefficient 0, here without any effect."
    )
    result, words = verdict(found, table, ALGEBRAIC)
    assert (result, "the weights are 0 % away" in words) == (FAIL, True)


def in_nats(found: Behaviour) -> Behaviour:
    """The same with losses: 4 nats per token less 4 times what was an accuracy."""

    def of(scores: Mapping[str, Score]) -> dict[str, Score]:
        return {
            name: Score(4 - 4 * s.value, s.n, 4 - 4 * s.high, 4 - 4 * s.low, "bootstrap", LOSS)
            for name, s in scores.items()
        }

    return Behaviour(of(found.after), of(found.never), of(found.base), of(found.own), found.drop)


def test_a_removed_task_s_loss_must_be_that_of_the_never_merged_model():
    found = measures(behaviour=in_nats(behaviour(0.2, 0.2, 0.1, 0.6)), reasons={})
    row = pick(checks(found, APART), "C1")
    assert (row.result, row.unit) == (PASS, "nats per token")
    assert row.title == "Loss on the removed task"
    assert (row.value, row.low, row.high) == pytest.approx((3.2, 3.0, 3.4))
    assert "red: 3.200 nats per token (95 %: 3.000 to 3.400, n=1,000); never merged" in row.words
    near = measures(behaviour=in_nats(behaviour(0.3, 0.3, 0.1, 0.6)), reasons={})
    assert "Below the base: kept tasks" in pick(checks(near, APART), "C1").words


@pytest.mark.parametrize(("high", "result"), [(2.9, FAIL), (3.1, PASS)])
def test_an_attack_on_a_loss_counts_once_its_interval_lies_below_the_reference(high, result):
    """The never-merged model has 3.2 ± 0.2; the attack's upper end must be below 3.0."""
    found = subtracted(
        behaviour=in_nats(behaviour(0.3, 0.2, 0.1, 0.6)), reasons={},
        attack=Attack("red", Score(2.8, 1000, 2.5, high, "bootstrap", LOSS), 1, ""),
    )  # fmt: skip
    row = pick(checks(found, APART), "B2")
    assert (row.result, row.unit, row.threshold) == (
        result, "nats per token", "not below the reference",
    )  # fmt: skip
    assert "accuracy" not in row.title
    assert ", 25% of its gain; its own model has 1.600" in row.words


def test_what_kept_tasks_lose_in_nats_is_said_so():
    drop = Drop(0.02, 0.01, 0.05, "blue", 900, LOSS, LOSS)
    kept = replace(behaviour(0.2, 0.2, 0.1, 0.6), drop=drop)
    row = pick(checks(measures(behaviour=kept, reasons={}), APART), "C2")
    assert row.title == "UAD: how far the losses of the kept tasks rise"
    assert (row.value, row.unit) == (0.02, "nats per token")
    assert row.words.startswith("+0.020 ± 0.010 nats per token in the mean, worst +0.050 (blue)")
