"""The order of the worker's steps, without its thread and without a model."""

from dataclasses import replace
from threading import Condition
from types import SimpleNamespace

import pytest

from studio.measure.writing import ENDED, Asked, Written, refused
from studio.recipe import Recipe, TaskEntry
from studio.session.geometry import shape_of
from studio.session.priorities import Priorities, Step
from studio.session.results import Results
from studio.session.viewers import Viewers
from studio.tasks.kinds.writing import Manner

SHOWN = Recipe("/base", (TaskEntry("a", "/a", 1.0), TaskEntry("b", "/b", 1.0)), "average")
PINNED = replace(SHOWN, tasks=SHOWN.tasks[:1])
BASE = replace(SHOWN, tasks=())
ASKED = Asked("a", "once", Manner())


class Desk:
    """A page that shows a recipe, compared with another, and nothing that is known yet."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.bench = SimpleNamespace(
            scored=lambda: ("a", "b"), unmeasured=lambda recipe: self.missing, gram=None
        )
        self.viewers = Viewers()
        self.results = Results(Condition(), lambda: self.viewers.wanted)
        self.priorities = Priorities(self.bench, self.viewers, self.results)  # type: ignore[arg-type]
        self.viewers.show("page", SHOWN, PINNED)

    @property
    def next(self) -> Step | None:
        return self.priorities.next()

    def score(
        self, recipe: Recipe, seen: bool, done: bool, slid: bool = False, doublings: int = 1
    ) -> None:
        found = SimpleNamespace(seen=seen, done=done, doublings=doublings)
        self.results.add_rows(recipe, found, slid)  # type: ignore[arg-type]

    def know(self, recipe: Recipe, residual: float | None) -> None:
        known = SimpleNamespace(residual=residual)
        self.results.geometries[shape_of(recipe)] = known  # type: ignore[assignment]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_steps_come_in_the_order_of_what_a_page_waits_for(desk):
    assert desk.next == Step("pace")
    desk.priorities.paced = True
    for recipe in (SHOWN, PINNED):
        assert desk.next == Step("sketch", recipe)
        desk.know(recipe, None)
    desk.viewers.read("page", "a text")
    assert desk.next == Step("read", SHOWN, "a text")
    desk.viewers.read("page", "")
    for recipe in (SHOWN, PINNED):
        assert desk.next == Step("score", recipe)
        desk.score(recipe, seen=True, done=False)
    for recipe in (SHOWN, PINNED):
        assert desk.next == Step("geometry", recipe)
        desk.know(recipe, 0.1)
        assert desk.next == Step("order", recipe)
        desk.results.sentences[recipe.digest] = "alike"
    assert desk.next == Step("reference")
    desk.results.references_done = True
    for recipe in (SHOWN, PINNED):
        assert desk.next == Step("score", recipe)
        desk.score(recipe, seen=True, done=True)
    assert desk.next is None


def test_what_a_job_waits_for_is_scored_exactly_before_geometry_is_measured(desk):
    desk.priorities.paced = True
    needed = replace(SHOWN, seed=1)
    desk.viewers.needed.append(needed)
    for recipe in (SHOWN, PINNED):
        desk.know(recipe, None)
        desk.score(recipe, seen=True, done=False)
    assert desk.next == Step("score", needed)
    desk.score(needed, seen=True, done=False)
    assert desk.next == Step("score", needed)
    desk.score(needed, seen=True, done=True)
    assert desk.next == Step("geometry", SHOWN)


def test_rows_that_were_seen_while_a_slider_moved_do_not_count(desk):
    desk.priorities.paced = True
    for recipe in (PINNED, SHOWN):
        desk.know(recipe, None)
        desk.score(recipe, seen=True, done=True, slid=recipe is SHOWN)
    assert desk.next == Step("score", SHOWN)
    desk.score(SHOWN, seen=True, done=True)
    assert desk.next == Step("geometry", SHOWN)


def test_a_refused_recipe_is_left_alone_and_refused_references_too(desk):
    desk.priorities.paced = True
    desk.results.refuse(SHOWN, "no")
    desk.results.refuse(PINNED, "no")
    assert desk.next is None
    desk.viewers.show("page", Recipe("/base", ()), None)
    desk.score(Recipe("/base", ()), seen=True, done=False)
    assert desk.next == Step("reference")
    desk.results.refuse(None, "no rows")
    assert desk.next == Step("score", Recipe("/base", ()))


def test_a_method_that_needs_data_waits_for_its_experts(desk):
    desk.priorities.paced = True
    desk.missing = ["a"]
    assert desk.next == Step("expert", SHOWN)


def test_no_page_waits_for_its_first_rows_until_another_has_all_of_its(desk):
    """Of two pages the one that is behind comes next, whoever moved last."""
    desk.priorities.paced = True
    other = replace(SHOWN, tasks=SHOWN.tasks[1:])
    desk.viewers.show("other", other, None)
    for recipe in (SHOWN, PINNED, other):
        desk.know(recipe, None)
    assert desk.next == Step("score", other)
    desk.score(other, seen=False, done=False, doublings=3)
    assert desk.next == Step("score", SHOWN)
    desk.score(SHOWN, seen=False, done=False, doublings=2)
    assert desk.next == Step("score", SHOWN)
    desk.score(SHOWN, seen=False, done=False, doublings=4)
    assert desk.next == Step("score", other)
    desk.score(other, seen=True, done=False, doublings=9)
    assert desk.next == Step("score", SHOWN)
    desk.score(SHOWN, seen=True, done=False, doublings=9)
    assert desk.next == Step("score", PINNED)


def test_the_geometry_of_every_page_that_is_shown_is_kept(desk):
    """Else the seventeenth page would drop the first one's, and the worker never came to rest."""
    desk.priorities.paced = True
    many = [replace(SHOWN, seed=number) for number in range(30)]
    for number, recipe in enumerate(many):
        desk.viewers.show(f"page {number}", recipe, None)
        desk.know(recipe, 0.1)
    desk.know(SHOWN, 0.1)
    desk.know(PINNED, 0.1)
    assert all(shape_of(recipe) in desk.results.geometries for recipe in many)
    assert desk.next is not None
    assert desk.next.kind == "score"


def writing_desk() -> Desk:
    """A page that waits for texts by what it shows and by the base."""
    desk = Desk()
    desk.priorities.paced = True
    for recipe in (SHOWN, PINNED):
        desk.know(recipe, None)
    desk.viewers.write("page", [(SHOWN, ASKED), (BASE, ASKED)])
    return desk


def test_first_rows_come_before_a_text_and_then_both_have_half_of_the_time():
    desk = writing_desk()
    score, write = Step("score", SHOWN), Step("write", SHOWN, asked=ASKED)
    assert desk.next == score
    desk.score(SHOWN, seen=False, done=False)
    order = []
    for _ in range(8):
        step = desk.next
        assert step is not None
        order.append(step.kind)
        desk.priorities.took(step, 1.0 if step.kind == "score" else 0.5)
    assert order == ["write", "score", "write", "write", "score", "write", "write", "score"]
    other = replace(SHOWN, seed=1)
    desk.know(other, None)
    desk.viewers.show("other", other, None)
    assert desk.next == Step("score", other)
    desk.score(other, seen=False, done=False)
    desk.priorities.ahead = 0.0
    assert desk.next == write


def test_a_text_by_the_shown_mix_comes_first_and_all_come_before_what_is_at_rest():
    desk = writing_desk()
    for recipe in (SHOWN, PINNED):
        desk.score(recipe, seen=recipe is SHOWN, done=False)
    for recipe in (SHOWN, BASE):
        assert desk.next == Step("write", recipe, asked=ASKED)
        desk.results.add_written(recipe, ASKED, Written())
        assert desk.next == Step("write", recipe, asked=ASKED)
        ended = Written(ending=ENDED) if recipe is SHOWN else refused("no")
        desk.results.add_written(recipe, ASKED, ended)
    assert desk.next == Step("score", PINNED)


def test_of_several_pages_each_has_its_first_text_before_one_has_its_second():
    desk = writing_desk()
    other = Asked("a", "twice", Manner())
    desk.viewers.write("other", [(PINNED, other), (BASE, other)])
    assert desk.viewers.writings == (
        (PINNED, other), (SHOWN, ASKED), (BASE, other), (BASE, ASKED),
    )  # fmt: skip
    desk.viewers.write("other", [])
    assert desk.viewers.writings == ((SHOWN, ASKED), (BASE, ASKED))


def test_nothing_is_written_by_a_mix_whose_slider_moves_or_that_is_refused():
    desk = writing_desk()
    desk.score(SHOWN, seen=True, done=True, slid=True)
    assert desk.next == Step("write", BASE, asked=ASKED)
    desk.results.refuse(SHOWN, "no")
    desk.results.refuse(BASE, "no")
    assert desk.next == Step("score", PINNED)


def test_pictures_come_before_texts_and_only_those_that_are_not_known():
    desk = writing_desk()
    desk.score(SHOWN, seen=False, done=False)
    rows = (("a", 0), ("a", 3))
    desk.viewers.look("page", [(SHOWN, rows)])
    assert desk.next == Step("look", SHOWN, rows=rows)
    desk.results.add_looks(SHOWN, {("a", 0): ()})
    assert desk.next == Step("look", SHOWN, rows=rows[1:])
    desk.results.add_looks(SHOWN, {("a", 3): ()})
    assert desk.next == Step("write", SHOWN, asked=ASKED)


def test_geometry_comes_first_where_the_scores_of_a_mix_came_with_the_zoo():
    desk = Desk()
    desk.priorities = Priorities(desk.bench, desk.viewers, desk.results, SHOWN.digest)  # type: ignore[arg-type]
    assert desk.next == Step("geometry", SHOWN)
    desk.know(SHOWN, 0.0)
    assert desk.next == Step("pace")
