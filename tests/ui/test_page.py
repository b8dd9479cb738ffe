"""What a look at the session updates on the page, without a browser."""

from dataclasses import replace
from types import SimpleNamespace

from studio.errors import StudioError
from studio.session.engine import Memory
from studio.ui.page import Page
from tests.ui.charts.test_geometry import geometry, studies
from tests.ui.views.test_accuracy import snapshot


def no_search() -> SimpleNamespace:
    """A session's part that finds coefficients, before the first search."""

    def forecast() -> None:
        raise StudioError("Tick a task first.")

    return SimpleNamespace(
        run=None, shown=None, running=False, paused=False, version=0, moves=0, wish=None,
        can_show_best=False, can_go_back=False, forecast=forecast,
    )  # fmt: skip


def looks(*snapshots, opened="Geometry") -> list[dict]:
    """What the page gets at each look; what it keeps is None."""
    seen, found = {}, []
    for now in snapshots:
        session = SimpleNamespace(
            snapshot=lambda now=now: now, shown_rows=lambda: ([], 0), readings=lambda: ({}, {}),
            only_changed=False, own_text="", overruled=0,
            worker=SimpleNamespace(studies=studies(now.geometry)), searches=no_search(),
        )  # fmt: skip
        engine = SimpleNamespace(
            session=lambda browser, session=session: session,
            memory=lambda: Memory(0, 0),
            opened=1,
        )
        page = Page(engine)  # type: ignore[arg-type]
        chosen = ("model", None, "Cosine before", "MDS", "This zoo", opened)
        keys, *rest = page.refresh(seen, *chosen, None)  # type: ignore[arg-type]
        seen = keys if "map" in keys else seen
        names = (
            "status", "headline", "accuracy", "rows", "readings", "matrices", "heat", "order",
            "plot", "map_words",
        )  # fmt: skip
        kept = [None if isinstance(x, dict) and "__type__" in x else x for x in rest]
        found.append(dict(zip(names, kept, strict=False)))
    return found


def test_a_refusal_an_empty_mix_and_geometry_replace_one_another():
    one = geometry(2)
    good = snapshot(geometry=one)
    refused = replace(good, refusal="no", refused=True)
    empty = replace(good, recipe=good.recipe.without("a"), geometry=None)
    shown = looks(good, refused, good, empty, good)
    assert all("matrix of 2 tasks" in shown[i]["matrices"] for i in (0, 2, 4))
    assert all(shown[i]["plot"].visible for i in (0, 2, 4))
    for i, words in ((1, "This mix cannot be merged"), (3, "Nothing is merged")):
        assert words in shown[i]["matrices"]
        assert words in shown[i]["map_words"]
        assert not shown[i]["plot"].visible


def test_a_moved_coefficient_redraws_no_matrix():
    one = geometry(2)
    first, second = looks(
        snapshot(geometry=one, order="Order: 1"), snapshot(geometry=one, order="Order: 2")
    )
    assert first["matrices"] is not None
    assert second["matrices"] is None
    assert second["plot"] is None


def test_a_closed_tab_is_neither_drawn_nor_sent():
    (shown,) = looks(snapshot(geometry=geometry(2)), opened="")
    assert shown["headline"] is not None
    assert all(shown[part] is None for part in ("matrices", "heat", "order", "plot", "map_words"))
