"""Presets follow from the zoo's own numbers; what a zoo cannot show is said."""

from dataclasses import replace
from typing import Any

from studio.session.link import mix_of_link
from studio.session.mix import starting_mix
from studio.session.presets import presets
from studio.zoo import load_zoo
from tests.lesson.test_facts import FACTS

TITLES = [
    "No interference", "Conflict", "Near-duplicates", "Order matters", "A strong baseline",
    "A licence withdrawn", "A bad update rolled back",
]  # fmt: skip


def facts_for(names, cosine):
    a, b = names
    return replace(
        FACTS, tasks=(a, b), lengths={a: 1.0, b: 2.0}, cosines={(a, b): cosine}, scored=(a, b),
        experts={a: FACTS.experts["a"], b: FACTS.experts["b"]},
        base={a: FACTS.base["a"], b: FACTS.base["b"]}, start=0.71,
    )  # fmt: skip


def made(tiny_zoo, cosine):
    zoo = load_zoo(tiny_zoo)
    start = starting_mix(zoo)
    return {p.title: p for p in presets(facts_for(start.names, cosine), start)}, zoo, start


def test_angles_decide_what_a_zoo_can_show(tiny_zoo):
    shown = {}
    for cosine in (0.02, 0.7, -0.3):
        found, _, _ = made(tiny_zoo, cosine)
        assert list(found) == TITLES
        shown[cosine] = [title for title, each in found.items() if each.mix]
    always = TITLES[4:]
    assert shown[0.02] == ["No interference", *always]
    assert shown[0.7] == ["Near-duplicates", "Order matters", *always]
    assert shown[-0.3] == ["Conflict", "Order matters", *always]
    found, _, _ = made(tiny_zoo, 0.02)
    assert "cannot show it" in found["Near-duplicates"].words
    assert "0.020" in found["Near-duplicates"].words
    assert found["Near-duplicates"].link(load_zoo(tiny_zoo)) == ""


def test_links_open_as_the_mixes_that_they_were_made_of(tiny_zoo):
    found, zoo, start = made(tiny_zoo, 0.7)
    for preset in found.values():
        if preset.mix is None:
            continue
        link = dict(each.split("=", 1) for each in preset.link(zoo).removeprefix("#").split("&"))
        assert link["tab"] == "Learn"
        opened = mix_of_link(link["mix"], zoo, start)
        assert preset.mix
        assert preset.pinned
        assert opened.ticked == preset.mix.ticked
        assert opened.method == preset.mix.method
        assert [s.coefficient for s in opened.strips if s.on] == [
            s.coefficient for s in preset.mix.strips if s.on
        ]
        assert mix_of_link(link["pinned"], zoo, start).ticked == preset.pinned.ticked


def test_order_differs_from_the_pinned_mix_in_the_order_alone(tiny_zoo):
    found, _, _ = made(tiny_zoo, 0.7)
    order: Any = found["Order matters"]
    assert order.mix.ticked == ("animal", "color")
    assert order.pinned.ticked == ("color", "animal")


def test_one_task_shows_what_one_task_can(tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    facts = replace(facts_for(("color", "animal"), 0.5), tasks=("color",), cosines={})
    found = presets(facts, starting_mix(zoo))
    assert [each.title for each in found if each.mix] == ["A bad update rolled back"]
