"""Where numbers come from: what the studio chose by rows is never taken for what a person set."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from studio.compare.comparison import _tuned
from studio.errors import BadRecipe
from studio.evidence.closure import origin
from studio.evidence.wording import BY_DEFAULT, BY_PERSON, BY_SEARCH, NOT_DECLARED, WITH_IT
from studio.measure.bench import known_digests
from studio.merge import open_merge
from studio.recipe import Fitted, Recipe, TaskEntry, load_recipe, save_recipe
from studio.session.mix import mix_from_page, mix_from_plain, mix_of_recipe, mix_with, starting_mix
from studio.sweep.axis import Axis
from studio.sweep.landscape import Landscape, SweepPoint
from studio.zoo import load_zoo
from tests.outcomes import outcome
from tests.session.test_compare import compared  # noqa: F401

SEARCH = Fitted("Adam", (("color", "c" * 64), ("animal", "a" * 64)), 3)


@pytest.fixture
def zoo(tiny_zoo):
    return load_zoo(tiny_zoo)


@pytest.fixture
def searched(zoo):
    """The mixer after a search of both tasks."""
    found = starting_mix(zoo).recipe(zoo).with_coefficients({"color": 0.4123, "animal": 0.2345})
    return mix_of_recipe(replace(found, fitted=SEARCH), starting_mix(zoo))


def moved(mix, **changes):
    rows = [vars(strip) | changes.get(strip.name, {}) for strip in mix.strips]
    return mix_from_page({"rows": rows, "method": mix.method, "options": dict(mix.options)}, mix)


def origins(mix, zoo):
    recipe = mix.recipe(zoo)
    return [task.origin for task in recipe.tasks], recipe.fitted


def test_a_start_is_made_of_defaults_and_a_move_is_a_persons(zoo):
    start = starting_mix(zoo)
    assert origins(start, zoo) == (["default", "default"], None)
    assert origins(moved(start, color={"coefficient": 0.3}), zoo) == (["person", "default"], None)


def test_a_found_number_stays_tainted_until_a_person_sets_it_or_it_is_reset(searched, zoo):
    assert origins(searched, zoo) == (["", ""], SEARCH)
    for edited in (searched.halved(), searched.equal(), searched.earlier("animal"),
                   searched.with_dtype("float16"), moved(searched, color={"on": False}),
                   moved(moved(searched, color={"on": False}), color={"on": True})):  # fmt: skip
        assert origins(edited, zoo)[1] == SEARCH
    one = moved(searched, color={"coefficient": 0.5})
    assert origins(one, zoo) == (["person", ""], SEARCH)
    both = moved(one, animal={"coefficient": 0.5})
    assert origins(both, zoo) == (["person", "person"], None)
    assert origins(starting_mix(zoo), zoo)[1] is None
    assert origins(searched.with_method("ties"), zoo)[1] is None


def test_what_is_merged_says_so_although_an_unticked_number_is_tainted(searched, zoo):
    kept = moved(searched, animal={"coefficient": 0.5}, color={"on": False})
    assert origins(kept, zoo) == (["person"], None)
    assert kept.fitted == SEARCH  # for the day that it is ticked again
    assert origins(moved(kept, color={"on": True}), zoo) == (["", "person"], SEARCH)


def test_an_option_that_was_chosen_by_rows_taints_until_it_is_changed(searched, zoo):
    chosen = replace(searched, fitted=replace(SEARCH, options=("scope",)))
    by_hand = moved(chosen, color={"coefficient": 0.5}, animal={"coefficient": 0.5})
    assert origins(by_hand, zoo)[1] == chosen.fitted
    value = {"rows": [vars(s) for s in by_hand.strips], "method": by_hand.method}
    other = mix_from_page(value | {"options": {**by_hand.options, "scope": "tensor"}}, by_hand)
    assert origins(other, zoo)[1] is None


def test_a_kept_mix_and_a_file_say_the_same_again(searched, zoo, tmp_path):
    one = moved(searched, color={"coefficient": 0.5})
    kept = mix_from_plain(json.loads(json.dumps(one.plain())), starting_mix(zoo))
    assert origins(kept, zoo) == (["person", ""], SEARCH)
    save_recipe(one.recipe(zoo), tmp_path / "recipe.yaml")
    again = mix_of_recipe(load_recipe(tmp_path / "recipe.yaml"), starting_mix(zoo))
    assert origins(again, zoo) == (["person", ""], SEARCH)


def test_an_unticked_number_forgets_another_search(searched, zoo):
    """Else it would be taken for one that the later search has found."""
    alone = searched.unticked(["color"])
    later = replace(SEARCH, tasks=(("animal", "a" * 64),))
    found = alone.recipe(zoo).with_coefficients({"animal": 0.7})
    shown = mix_of_recipe(replace(found, fitted=later), alone)
    assert origins(shown, zoo) == ([""], later)
    ticked = moved(shown, color={"on": True})
    assert dict(zip(ticked.recipe(zoo).names, origins(ticked, zoo)[0], strict=True)) == {
        "animal": "", "color": "default",
    }  # fmt: skip


def test_a_search_knows_what_the_numbers_knew_that_it_began_at(searched, zoo):
    later = Fitted("CMA-ES", (("animal", "a" * 64),), used=("fisher",))
    found = later.after(searched.unticked(["color"]).recipe(zoo))
    assert ("color", "c" * 64) in found.tasks
    assert later.after(starting_mix(zoo).recipe(zoo)) == later
    undeclared = Recipe("/b", (TaskEntry("animal", "/a", 0.3),))
    assert later.after(undeclared).used == ("fisher", "undeclared start")


@pytest.mark.parametrize(
    ("name", "options"), [("strength", ("strength",)), ("coefficient.color", ())]
)
def test_the_best_point_of_a_sweep_says_whose_rows_chose_it(name, options):
    axis = Axis(name, 0.0, 1.0)
    points = tuple(
        SweepPoint((x,), outcome({"color": np.array(rows)}))
        for x, rows in ((0.0, [0, 0]), (1.0, [1, 1]))
    )
    here = SweepPoint((0.5,), outcome({"color": np.array([0, 1])}))
    recipe = Recipe("/b", (TaskEntry("color", "/c", 0.5, set_by="person"),), "mdm_oc")
    digests = (("color", "c" * 64),)
    best = Landscape(recipe, (axis,), 1, here, points, digests).best_recipe
    assert best is not None
    assert best.taint == Fitted("a sweep", digests, options=options)


def test_a_tuned_scale_says_whose_rows_chose_it(session):
    bench = session.worker.bench
    plain = bench.zoo.recipe("iso_c")
    tuned = _tuned(bench, plain, 2.0)
    digests = known_digests(bench.deltas, plain.names)
    assert tuned.taint == Fitted("a tuned scale", digests, options=("scale",))
    by_numbers = _tuned(bench, bench.zoo.recipe("mdm_oc"), 2.0)
    assert by_numbers.taint == Fitted("a tuned scale", digests)


def test_rows_of_a_comparison_go_to_the_mixer_with_what_chose_them(compared):  # noqa: F811
    compared.comparisons.to_mixer("average (tuned)")
    fitted = compared.snapshot().recipe.fitted
    assert fitted is not None
    names = {name for name, _ in fitted.tasks}
    assert names == {"color", "animal"}
    proposal = compared.comparisons.table.proposal.row.name
    compared.comparisons.to_mixer(proposal)
    fitted = compared.snapshot().recipe.fitted
    assert fitted is not None
    assert "method" in fitted.options
    other = next(n for n in ("average", "iso_c") if n != proposal)
    compared.comparisons.to_mixer(other)
    assert compared.snapshot().recipe.fitted is None


def test_how_far_a_statement_goes_follows_from_the_recipe(make_recipe):
    recipe = make_recipe("red", "green")
    merge = open_merge(recipe)
    kept = [each.digest for each in merge.deltas.checkpoints]

    def found(changed: Recipe) -> str:
        return origin(replace(merge, recipe=changed), kept)

    numbers = recipe.with_coefficients({"red": 0.3, "green": 0.4})
    person = replace(numbers, tasks=tuple(replace(t, set_by="person") for t in numbers.tasks))
    by_kept = Fitted("Adam", tuple(zip(("red", "green"), kept, strict=True)))
    assert found(recipe) == BY_DEFAULT
    assert found(numbers) == NOT_DECLARED
    assert found(person) == BY_PERSON
    assert found(replace(numbers, fitted=by_kept)) == BY_SEARCH
    assert found(replace(numbers, fitted=SEARCH)) == WITH_IT
    assert found(replace(person, fitted=SEARCH)) == BY_PERSON


def test_a_stale_tab_cannot_turn_found_numbers_into_a_persons(session, searched):
    session.show_mix(searched)
    value = json.loads(json.dumps(session.mixer_value()))
    session.edit("undo")
    assert session.mix.fitted is None
    other = json.loads(json.dumps(session.mixer_value()))
    other["rows"][1]["coefficient"] = 0.5
    session.move(other)  # which drops the redo
    value["rows"][0]["on"] = False
    session.move(value)  # from a tab that still shows what was found
    assert not any(strip.set_by for strip in session.mix.strips)
    fitted = session.snapshot().recipe.fitted
    assert fitted is not None
    assert fitted.tasks == SEARCH.tasks


def test_a_stale_tab_cannot_turn_the_numbers_of_a_file_into_a_persons(session):
    data = yaml.safe_load(session.recipe_text())
    for task in data["tasks"]:
        task.pop("set_by", None)
        task["coefficient"] = 0.37
    session.load_recipe(yaml.safe_dump(data))
    value = json.loads(json.dumps(session.mixer_value()))
    session.edit("undo")
    value["rows"][0]["on"] = False
    session.move(value)
    assert session.mix.recipe(session.zoo).undeclared == session.mix.ticked


def test_an_option_that_a_sweep_chose_stays_its_own_whoever_sends_it(session):
    session.mixer.show(session.mix.with_method("ties"))
    recipe = session.mix.recipe(session.zoo)
    made = replace(
        recipe, options={**recipe.options, "density": 0.33},
        fitted=replace(SEARCH, by="a sweep", options=("density",)),
    )  # fmt: skip
    session.show_mix(mix_with(made, session.mix))
    value = json.loads(json.dumps(session.mixer_value()))
    session.edit("undo")
    value["rows"][0]["on"] = False
    session.move(value)
    fitted = session.mix.fitted
    assert fitted is not None
    assert fitted.options == ("density",)


def test_a_page_of_an_earlier_studio_is_told_to_move_again(session):
    value = session.mixer_value() | {"of": "1" * 64}
    value["rows"][0]["coefficient"] = 0.9
    before = session.mix
    with pytest.raises(BadRecipe, match="drawn by an earlier studio, or long ago"):
        session.move(value)
    assert session.mix == before


def test_options_of_a_file_are_nobodys_until_a_person_moves_them(session):
    session.mixer.show(session.mix.with_method("ties"))
    data = yaml.safe_load(session.recipe_text())
    assert "options_set_by" not in data
    data["options"] |= {"density": 0.33, "scale": 0.7}
    session.load_recipe(yaml.safe_dump(data))
    assert session.mix.undeclared == ("density", "scale")
    assert not session.mix.recipe(session.zoo).options_set_by
    value = json.loads(json.dumps(session.mixer_value()))
    for name in ("density", "scale"):
        value["options"][name] = 0.5
    session.move(value)
    assert session.mix.recipe(session.zoo).options_set_by == "person"
    again = yaml.safe_load(session.recipe_text())
    session.edit("reset")
    session.load_recipe(yaml.safe_dump(again))
    assert session.mix.undeclared == ()
