"""What a look at the session updates on the page, without a browser."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gradio.blocks import Block, Blocks

from studio.errors import StudioError
from studio.session.engine import Memory
from studio.session.snapshot import Snapshot
from studio.ui.page import TABS, Page
from tests.ui.charts.test_geometry import geometry, studies
from tests.ui.snapshots import snapshot


def no_search() -> SimpleNamespace:
    """A session's part that finds coefficients, before the first search."""

    def forecast() -> None:
        raise StudioError("Tick a task first.")

    return SimpleNamespace(
        run=None, shown=None, running=False, paused=False, version=0, moves=0, wish=None,
        moving=lambda: None, can_show_best=False, can_go_back=False, mixer_words="",
        forecast=forecast,
    )  # fmt: skip


SEARCHES = no_search()
EXAMPLES = SimpleNamespace(
    rows=lambda: ([], 0),
    looks=lambda rows: {},
    readings=lambda: ({}, {}),
    only_changed=False,
    own_text="",
    reads=True,
)
WRITINGS = SimpleNamespace(
    tasks={}, task="", asked=None, stopped=False, answers=list, openings=list
)


def page() -> Page:
    """A page that is laid out, of no engine in particular."""
    return laid_out()[0]


def laid_out() -> tuple[Page, Blocks]:
    """The same, with all of its elements."""
    engine: Any = SimpleNamespace(
        memory=lambda: Memory(0, 0), opened=1, browsers=lambda: 1, read_only=False,
        roots=(Path("/zoos"),),
    )  # fmt: skip
    made = Page(engine)
    return made, made.build()


def session(now: Snapshot) -> Any:
    """A session at one moment."""
    return SimpleNamespace(
        snapshot=lambda: now, examples=EXAMPLES, writings=WRITINGS, overruled=0, browser="",
        links=lambda: ("", ""),
        worker=SimpleNamespace(studies=studies(now.geometry)), searches=SEARCHES,
        disturbances=SimpleNamespace(of=lambda recipe: None, seconds=lambda recipe: None),
        learn=SimpleNamespace(at=1), mix=now.mix,
        evidence=SimpleNamespace(version=0, found=dict, unmerging=lambda: None),
        context=SimpleNamespace(pace=SimpleNamespace(row=None), bench=SimpleNamespace()),
        mixer=SimpleNamespace(
            mix=now.mix, pinned=now.mix, flipped=False,
            history=SimpleNamespace(can_undo=False, can_redo=False),
        ),
    )  # fmt: skip


def looks(*views: tuple[Snapshot, str] | Snapshot) -> list[dict]:
    """What the page gets at each look at a mix, by the names of its elements."""
    shown, seen, found = page(), {}, []
    for each in views:
        now, opened = each if isinstance(each, tuple) else (each, "Why")
        of_why = ("model", None, "Cosine", "MDS", "This zoo")
        rest = [None] * (len(shown.choices) - len(of_why))
        chosen = dict(zip(shown.choices, [*of_why, *rest], strict=True))
        drawn = shown.changed(session(now), seen, opened, chosen)
        seen = drawn.get(shown.seen, seen)
        found.append({each.elem_id: value for each, value in drawn.items() if each.elem_id})
        found[-1]["timer"] = drawn[shown.timer].active
    return found


def test_no_two_elements_have_the_same_id():
    named = Counter(each.elem_id for each in laid_out()[1].blocks.values() if each.elem_id)
    assert {name: times for name, times in named.items() if times > 1} == {}


def test_a_refusal_an_empty_mix_and_geometry_replace_one_another():
    one = geometry(2)
    good = snapshot(geometry=one)
    refused = replace(good, refusal="no", refused=True)
    empty = replace(good, recipe=good.recipe.without("a"), geometry=None)
    shown = looks(good, refused, good, empty, good)
    assert all("matrix of 2 tasks" in shown[i]["matrices"] for i in (0, 2, 4))
    assert all("class='trails'" in shown[i]["map-words"] for i in (0, 2, 4))
    for i, words in ((1, "This mix cannot be merged"), (3, "Nothing is merged")):
        assert words in shown[i]["matrices"]
        assert words in shown[i]["map-words"]
        assert not shown[i]["plot"].visible


def test_a_moved_coefficient_redraws_no_matrix():
    one = geometry(2)
    first, second = looks(
        snapshot(geometry=one, order="Order: 1"), snapshot(geometry=one, order="Order: 2")
    )
    assert "matrices" in first
    assert not {"matrices", "plot"} & set(second)


def test_a_closed_tab_is_neither_drawn_nor_sent():
    (shown,) = looks((snapshot(geometry=geometry(2)), ""))
    assert "headline" in shown
    assert not {"matrices", "heat", "order", "plot", "map-words", "tensor"} & set(shown)


def test_a_page_that_has_seen_everything_gets_nothing_but_the_end_of_the_looking():
    now = snapshot(geometry=geometry(2))
    first, second, third = looks(now, now, replace(now, version=2))
    assert first["timer"]
    assert second == {"timer": False}
    assert {"headline", "results", "accuracy", "rows", "readings", "timer"} == set(third)


def test_a_tab_that_is_opened_again_is_drawn_again():
    now = snapshot(geometry=geometry(2))
    first, closed, again = looks((now, "Why"), (now, ""), (now, "Why"))
    assert "matrices" in first
    assert "matrices" not in closed
    assert again["matrices"] == first["matrices"]


def test_every_tab_has_a_title_and_every_part_draws_components_of_its_own():
    shown = page()
    titles = [tab.title for tab in TABS]
    assert titles == [
        "Results", "Why", "Improve", "Over time", "Unmerge", "Learn", "New zoo",
        "Files",
    ]  # fmt: skip
    outputs = [each for part in shown.parts for each in part.outputs]
    assert len(outputs) == len(set(outputs))
    assert all(isinstance(each, Block) for each in outputs)
