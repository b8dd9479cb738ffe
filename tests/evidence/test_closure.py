from dataclasses import replace

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.evidence.checks import FAIL, NOT_RUN, PASS, checks, verdict
from studio.evidence.closure import (
    CARRIED,
    FIXED,
    REBUILT,
    UNKNOWN,
    UNUSED,
    Dependency,
    claim,
    closure,
)
from studio.evidence.measures import measure
from studio.evidence.rebuild import Rebuild, rebuilt_root
from studio.evidence.unmerge import Unmerging, unmerging
from studio.evidence.wording import ALGEBRAIC, CARRIED_OVER, EXACT, UNDECLARED
from studio.merge import Merge, open_merge
from studio.recipe import PERSON, Fitted, Recipe, TaskEntry
from tests.measured import opened


def judged(unmerged: Unmerging, merge: Merge | None = None) -> tuple[str, str, list[Dependency]]:
    """Claim and verdict of an unmerge whose independent rebuild is honest."""
    result = merge or open_merge(unmerged.recipe)
    root = rebuilt_root(result)
    found = measure(open_merge, unmerged, None)
    apart = Rebuild(rebuilt_root(open_merge(unmerged.never)), 0.1, 1, 1, "DEFAULT")
    table = closure(result, open_merge(unmerged.full), unmerged)
    claimed = claim(table)
    return claimed, verdict(found, checks(found, apart, root), claimed, table)[0], table


def digests(recipe: Recipe, *names: str) -> list[str]:
    found = {task.name: open_checkpoint(task.checkpoint).digest for task in recipe.tasks}
    return [found[name] for name in names]


def state(table: list[Dependency], artefact: str) -> tuple[str, tuple[str, ...]]:
    row = next(row for row in table if row.artefact == artefact)
    return row.state, row.inputs


def test_a_rebuild_is_exact_and_its_basis_knows_only_kept_tasks(make_recipe):
    claimed, result, table = judged(unmerging(make_recipe(), ("green",)))
    assert (claimed, result) == (EXACT, PASS)
    assert state(table, "basis") == (REBUILT, ("red", "blue"))
    assert state(table, "inner products") == (REBUILT, ("red", "blue"))
    assert state(table, "coefficients") == (FIXED, ("red", "blue"))
    assert state(table, "derived vectors") == (UNUSED, ())
    assert state(table, "caches of the studio") == (UNUSED, ())


def test_methods_without_a_basis_say_so(make_recipe):
    _, _, table = judged(unmerging(make_recipe(method="task_arithmetic"), ("green",)))
    assert state(table, "inner products") == (UNUSED, ())
    _, result, table = judged(unmerging(make_recipe(method="ties"), ("green",)))
    assert state(table, "derived vectors") == (REBUILT, ("red", "blue"))
    assert result == PASS


@pytest.mark.parametrize("task", ["red", "green"])
def test_subtraction_is_never_called_exact(make_recipe, task):
    claimed, result, table = judged(unmerging(make_recipe(), (task,), "algebraic"))
    assert (claimed, result) == (ALGEBRAIC, FAIL)
    assert state(table, "basis") == (CARRIED, ("red", "green", "blue"))


def test_a_basis_left_over_from_before_turns_the_verdict_red(make_recipe):
    """Negative control: a cache hands out the old basis, cut down to the kept tasks."""
    unmerged = unmerging(make_recipe(), ("red",))
    old = open_merge(unmerged.full).basis
    stale = replace(old, rows=old.rows[:, 1:, 1:])

    def hand_out(key, make):
        return stale if key[0] == "basis" else make()

    merge = replace(open_merge(unmerged.recipe), recall=hand_out)
    claimed, result, table = judged(unmerged, merge)
    assert rebuilt_root(merge) != rebuilt_root(open_merge(unmerged.never))
    assert state(table, "basis")[0] == CARRIED
    assert (claimed, result) == (ALGEBRAIC, FAIL)


def test_coefficients_found_with_the_task_turn_the_verdict_red(make_recipe):
    """Negative control: the weights are rebuilt, the coefficients still know the task."""
    recipe = make_recipe().with_coefficients({"red": 0.71, "blue": 0.32})
    red, green = digests(recipe, "red", "green")
    knowing = replace(recipe, fitted=Fitted("adam", (("red", red), ("green", green))))
    claimed, result, table = judged(unmerging(knowing, ("green",)))
    assert state(table, "coefficients") == (CARRIED, ("red", "green"))
    assert (claimed, result) == (CARRIED_OVER, FAIL)
    by_hand = tuple(replace(t, set_by="person" * (t.name == "blue")) for t in recipe.tasks)
    fitted = Fitted("adam", (("red", red),), used=("fisher",))
    innocent = replace(recipe, tasks=by_hand, fitted=fitted)
    claimed, result, table = judged(unmerging(innocent, ("green",)))
    assert state(table, "coefficients") == (REBUILT, ("red",))
    assert state(table, "fisher") == (REBUILT, ("red",))
    assert (claimed, result) == (EXACT, PASS)


@pytest.mark.parametrize("name", ["green", "Green", "another", "gre\u0301en"])
def test_no_name_hides_that_the_removed_checkpoint_took_part(make_recipe, name):
    """A task that is called otherwise than when it was searched is known by its digest."""
    searched = make_recipe().with_coefficients({"red": 0.71, "blue": 0.32})
    red, green = digests(searched, "red", "green")
    fitted = Fitted("adam", (("red", red), ("green", green)))
    tasks = tuple(replace(t, name=name) if t.name == "green" else t for t in searched.tasks)
    renamed = replace(searched, tasks=tasks, fitted=fitted)
    claimed, result, table = judged(unmerging(renamed, (name,)))
    assert state(table, "coefficients")[0] == CARRIED
    assert (claimed, result) == (CARRIED_OVER, FAIL)


def test_a_search_with_a_checkpoint_that_is_no_longer_there_is_no_innocent_one(make_recipe):
    """What took part and is not in the result could be the removed task in another form."""
    recipe = make_recipe().with_coefficients({"red": 0.71, "blue": 0.32})
    (red,) = digests(recipe, "red")
    fitted = Fitted("adam", (("red", red), ("green before", "0" * 64)))
    claimed, result, _ = judged(unmerging(replace(recipe, fitted=fitted), ("green",)))
    assert (claimed, result) == (CARRIED_OVER, FAIL)


def test_numbers_of_which_nothing_says_where_they_come_from_are_undeclared(make_recipe):
    recipe = make_recipe().with_coefficients({"red": 0.71})
    claimed, result, table = judged(unmerging(recipe, ("green",)))
    assert state(table, "coefficients")[0] == UNKNOWN
    assert (claimed, result) == (UNDECLARED, "undeclared")
    by_hand = replace(recipe, tasks=tuple(replace(t, set_by="person") for t in recipe.tasks))
    claimed, result, table = judged(unmerging(by_hand, ("green",)))
    assert state(table, "coefficients")[0] == FIXED
    assert (claimed, result) == (EXACT, PASS)


def test_a_search_that_began_at_undeclared_numbers_stays_undeclared(make_recipe):
    before = make_recipe("red", "blue").with_coefficients({"red": 0.71})
    red, blue = digests(before, "red", "blue")
    fitted = Fitted("adam", (("red", red), ("blue", blue))).after(before)
    recipe = make_recipe().with_coefficients({"red": 0.5, "green": 0.4, "blue": 0.3})
    claimed, result, _ = judged(unmerging(replace(recipe, fitted=fitted), ("green",)))
    assert (claimed, result) == (UNDECLARED, "undeclared")


def test_numbers_set_by_hand_know_nothing_of_an_earlier_search(make_recipe):
    recipe = make_recipe().with_coefficients({"red": 0.71, "green": 0.4, "blue": 0.32})
    red, green = digests(recipe, "red", "green")
    fitted = Fitted("adam", (("red", red), ("green", green)))
    by_hand = tuple(t if t.name == "green" else replace(t, set_by="person") for t in recipe.tasks)
    claimed, _, table = judged(unmerging(replace(recipe, tasks=by_hand, fitted=fitted), ("green",)))
    assert (claimed, state(table, "coefficients")[0]) == (EXACT, FIXED)
    chose_options = replace(fitted, options=("scope",))
    claimed, _, _ = judged(
        unmerging(replace(recipe, tasks=by_hand, fitted=chose_options), ("green",))
    )
    assert claimed == CARRIED_OVER


def test_a_fisher_that_knows_the_task_is_no_mere_coefficient(make_recipe):
    knowing = Fitted("cma", (("green", "g" * 64),), used=("fisher", "replay"))
    _, result, table = judged(unmerging(replace(make_recipe(), fitted=knowing), ("green",)))
    assert state(table, "fisher")[0] == state(table, "replay")[0] == CARRIED
    assert claim(table) == ALGEBRAIC
    assert result == FAIL


def test_a_replaced_checkpoint_is_told_from_its_successor_by_its_folder(make_recipe, zoo_folder):
    full = make_recipe("red", "blue")
    new = TaskEntry("red", str(zoo_folder / "green"))
    claimed, result, table = judged(unmerging(full, ("red",), "exact", new))
    assert (claimed, result) == (EXACT, PASS)
    assert state(table, "basis") == (REBUILT, ("red", "blue"))


def test_a_fit_on_the_successor_is_no_fit_on_the_predecessor(make_recipe, zoo_folder):
    full = make_recipe("red", "blue").with_coefficients({"red": 0.3, "blue": 0.4})
    (green,) = digests(make_recipe("green"), "green")
    by_hand = tuple(replace(t, set_by="person" * (t.name == "blue")) for t in full.tasks)
    fitted = replace(full, tasks=by_hand, fitted=Fitted("adam", (("red", green),)))
    new = TaskEntry("red", str(zoo_folder / "green"))
    unmerged = Unmerging(fitted, ("red",), "exact", new)
    table = closure(open_merge(unmerged.recipe), open_merge(full), unmerged)
    assert state(table, "coefficients")[0] == REBUILT


def test_a_head_of_the_removed_task_in_the_bundle_is_found(make_recipe):
    unmerged = unmerging(make_recipe(), ("red",))
    merges = open_merge(unmerged.recipe), open_merge(unmerged.full)
    assert claim(closure(*merges, unmerged, ("green", "blue"))) == EXACT
    assert state(closure(*merges, unmerged, ("red",)), "heads and labels")[0] == CARRIED


def test_an_unchecked_removal_is_not_yet_a_pass(make_recipe):
    unmerged = unmerging(make_recipe(), ("red",))
    found = measure(open_merge, unmerged, None)
    result, words = verdict(found, checks(found, None), EXACT)
    assert result == NOT_RUN
    assert "has not checked this yet" in words


def test_another_root_of_the_separate_rebuild_turns_the_verdict_red(make_recipe):
    unmerged = unmerging(make_recipe(), ("red",))
    found = measure(open_merge, unmerged, None)
    wrong = Rebuild("0" * 64, 0.1, 1, 1, "DEFAULT")
    result, words = verdict(found, checks(found, wrong), EXACT)
    assert result == FAIL
    assert "another root: 0000000000000000… instead of" in words


def test_a_merge_of_nothing_is_exact(make_recipe):
    claimed, result, _ = judged(unmerging(make_recipe("red"), ("red",)))
    assert (claimed, result) == (EXACT, PASS)


def test_statistics_of_rows_are_of_the_kept_tasks_and_no_process_repeats_them(make_recipe):
    unmerged = unmerging(make_recipe(method="fisher"), ("green",))
    merge = opened(unmerged.recipe)
    found = measure(opened, unmerged, None)
    table = closure(merge, opened(unmerged.full), unmerged)
    assert state(table, "statistics of rows") == (REBUILT, ("red", "blue"))
    assert "validation rows: the Fisher information." in str(table)
    rows = checks(found, None)
    reason = (
        "Fisher measures every expert on its validation rows, and a separate process is given "
        "checkpoints only, no rows."
    )
    assert next((row.result, row.words) for row in rows if row.id == "A1") == (NOT_RUN, reason)
    result, words = verdict(found, rows, claim(table), table)
    assert (result, words.endswith(reason)) == (NOT_RUN, True)


def test_the_grams_of_a_removed_task_leave_with_it(make_recipe):
    recipe = make_recipe(method="mdm_oc", options={"basis": "activation"}, options_set_by=PERSON)
    unmerged = unmerging(recipe, ("green",))
    merge = opened(unmerged.recipe)
    merge.prepare()
    table = closure(merge, opened(unmerged.full), unmerged)
    for artefact in ("statistics of rows", "derived vectors"):
        assert state(table, artefact) == (REBUILT, ("red", "blue"))
    assert "Grams of layers' inputs. Those of a removed task left with it." in str(table)
    assert claim(table) == EXACT


def test_inputs_behind_merged_layers_are_measured_anew_without_a_removed_task(make_recipe):
    options = {"basis": "activation", "statistics": "merged"}
    by = {"options_set_by": PERSON}
    for name, more in (("regmean_pp", {}), ("mdm_oc", options)):
        unmerged = unmerging(make_recipe(method=name, options=more, **by), ("green",))
        merge = opened(unmerged.recipe)
        merge.prepare()
        table = closure(merge, opened(unmerged.full), unmerged)
        assert state(table, "statistics of rows") == (REBUILT, ("red", "blue"))
        assert "merged of these tasks alone" in str(table)
        assert "every removal measures them anew. Those of a removed task left" in str(table)
        assert claim(table) == EXACT


def test_statistics_of_a_subtracted_task_are_carried_over(make_recipe):
    unmerged = unmerging(make_recipe(method="fisher"), ("green",), "algebraic")
    table = closure(opened(unmerged.recipe), opened(unmerged.full), unmerged)
    assert state(table, "statistics of rows") == (CARRIED, ("red", "green", "blue"))
    metric = make_recipe(method="mdm_oc", options={"basis": "activation"})
    unmerged = unmerging(metric, ("green",), "algebraic")
    table = closure(opened(unmerged.recipe), opened(unmerged.full), unmerged)
    assert state(table, "derived vectors")[0] == state(table, "statistics of rows")[0] == CARRIED
    linear = unmerging(make_recipe(), ("green",))
    table = closure(open_merge(linear.recipe), open_merge(linear.full), linear)
    assert state(table, "statistics of rows") == (UNUSED, ())


def test_a_search_vouches_for_the_numbers_of_its_own_tasks_alone(make_recipe):
    recipe = make_recipe().with_coefficients({"green": 0.3, "blue": 0.731})
    (green,) = digests(recipe, "green")
    for fitted in (Fitted("Adam", (("green", green),)),
                   Fitted("a sweep", (("green", green),), options=("strength",))):  # fmt: skip
        claimed, result, _ = judged(unmerging(replace(recipe, fitted=fitted), ("red",)))
        assert (claimed, result) == (UNDECLARED, "undeclared")


def test_a_default_is_one_that_the_method_or_the_mixer_has(make_recipe):
    recipe = make_recipe("red", "green", "blue")
    for number, claimed in ((1.0, EXACT), (0.58, EXACT), (0.7311, UNDECLARED)):
        tasks = tuple(replace(t, coefficient=number, set_by="default") for t in recipe.tasks)
        found, _, _ = judged(unmerging(replace(recipe, tasks=tasks), ("red",)))
        assert found == claimed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "ties", "options": {"density": 0.33}}, "density"),
        ({"options": {"strength": 0.63}}, "strength"),
        ({"method": "dare", "seed": 17}, "seed"),
    ],
)
def test_options_of_which_nothing_says_who_set_them_are_undeclared(make_recipe, changes, words):
    recipe = replace(make_recipe(), **changes)
    claimed, result, table = judged(unmerging(recipe, ("red",)))
    assert (claimed, result) == (UNDECLARED, "undeclared")
    (row,) = (each for each in table if each.artefact == "coefficients")
    assert f"where the numbers of {words} come from" in row.words
    said = replace(recipe, options_set_by="person")
    assert judged(unmerging(said, ("red",)))[:2] == (EXACT, "pass")


@pytest.mark.parametrize("used", ["replay of red", "1" * 64])
def test_what_a_search_used_and_nobody_knows_is_undeclared(make_recipe, used):
    recipe = make_recipe("red", "green", "blue")
    kept = tuple(zip(("green", "blue"), digests(recipe, "green", "blue"), strict=True))
    found = replace(
        recipe.with_coefficients({"green": 0.3, "blue": 0.3}),
        fitted=Fitted("Adam", kept, used=(used,)),
    )
    claimed, result, table = judged(unmerging(found, ("red",)))
    assert (claimed, result) == (UNDECLARED, "undeclared")
    (row,) = (each for each in table if each.artefact == "what else a search used")
    assert used in row.words
