"""A mix as a link: it comes back as it was said, names no path, and refuses what it is not."""

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from studio.errors import BadRecipe
from studio.recipe import PERSON, Recipe
from studio.session.link import LONGEST, link_of, mix_of_link
from studio.session.mix import Mix, Strip, every_option, starting_mix
from studio.tasks.spec import Settings, TaskSpec
from studio.zoo import Zoo, load_zoo
from tests.session.test_mix import with_coefficient, with_groups


@pytest.fixture
def zoo(tiny_zoo):
    return load_zoo(tiny_zoo)


def said(link: str) -> dict:
    return json.loads(zlib.decompress(base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))))


def bare(recipe: Recipe) -> Recipe:
    """Without who set what."""
    tasks = tuple(replace(task, set_by="") for task in recipe.tasks)
    return replace(recipe, tasks=tasks, options_set_by="", fitted=None)


def packed(plain: object) -> str:
    found = zlib.compress(json.dumps(plain).encode())
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def test_every_part_of_a_mix_comes_back_and_no_path_is_said(zoo):
    start = starting_mix(zoo)
    mix = replace(with_groups(start), seed=3, dtype="float16").unticked({"animal"})
    mix = replace(mix, options=dict(mix.options) | {"strength": 0.25, "scope": "layer"})
    link = link_of(mix, zoo)
    assert "/" not in json.dumps(said(link)).replace("*/", "")
    assert said(link)["o"] == {"strength": 0.25, "scope": "layer"}  # and no default
    made = mix_of_link(link, zoo, start)
    assert link_of(made, zoo) == link
    assert bare(made.recipe(zoo)) == bare(mix.recipe(zoo))


def test_numbers_of_a_link_are_set_by_nobody(zoo):
    start = starting_mix(zoo)
    mix = replace(with_coefficient(start, 0.2), strips=tuple(
        replace(strip, set_by=PERSON) for strip in with_coefficient(start, 0.2).strips
    ))  # fmt: skip
    assert {strip.set_by for strip in mix_of_link(link_of(mix, zoo), zoo, start).strips} == {""}


def test_fifty_tasks_fit_into_an_address_and_what_does_not_has_no_link():
    def made(count: int, length: int) -> tuple[Mix, Zoo]:
        names = [f"task-{at:03}-{'x' * length}" for at in range(count)]
        specs = (TaskSpec(n, f"/z/{n}", "text-classification", Settings()) for n in names)
        strips = (Strip(n, True, 0.1 + 0.0137 * at) for at, n in enumerate(names))
        return Mix(tuple(strips), "average"), Zoo("Many", Path("/z"), "/z/base", tuple(specs))

    link = link_of(*made(50, 20))
    assert 0 < len(link) < LONGEST
    assert link_of(*made(2_000, 40)) == ""


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("%%%", "The link is cut off"),
        ("x" * (LONGEST + 1), "The link is cut off"),
        (packed({"t": [["color", 1], ["bird", 1]], "m": "average"}),
         "The link merges bird, but the open zoo 'Tiny <zoo>' has color, animal."),
        (packed({"t": "color", "m": "average"}), "The link is cut off"),
        (packed([1]), "The link"),
        (packed({"t": [[["color"], 1]], "m": "average"}), "The link is cut off"),
        (packed({"t": [[{}, 1]], "m": "average"}), "The link is cut off"),
        (packed({"t": [["color", 1000]], "m": "average"}), "The coefficient of 'color' is 1000"),
        (packed({"t": [["color", 1]], "m": "magic"}), "magic"),
        (packed({"t": [["color", 1]], "m": "average", "o": {"x": 1}}), "x"),
        (packed("x" * 2**18), "The link is cut off"),
    ],
)  # fmt: skip
def test_what_is_no_link_of_this_zoo_is_refused(zoo, link, words):
    with pytest.raises(BadRecipe) as refusal:
        mix_of_link(link, zoo, starting_mix(zoo))
    assert words in str(refusal.value)


def test_a_link_that_is_cut_is_refused(zoo):
    link = link_of(starting_mix(zoo), zoo)
    for end in range(0, len(link), 7):
        with pytest.raises(BadRecipe):
            mix_of_link(link[:end], zoo, starting_mix(zoo))


def test_a_mix_that_was_here_comes_back_with_who_set_it(session):
    session.edit("reset")
    session.edit("halve")
    first = session.mix
    links = session.links()
    session.edit("halve")
    session.open_link(*links)
    assert session.mix == first
    assert {strip.set_by for strip in session.mix.strips} == {PERSON}
    session.edit("reset")
    session.edit("pin")


def test_what_is_no_default_beside_the_others_is_said(zoo):
    """Order of arrival is a default of the method, and none of its basis in activations."""
    start = starting_mix(zoo)
    for options in ({}, {"order": "arrival"}, {"strength": 1.0}):
        options = every_option("mdm_oc", {"basis": "activation", **options})
        link = link_of(replace(start, options=options), zoo)
        assert mix_of_link(link, zoo, start).options == options
