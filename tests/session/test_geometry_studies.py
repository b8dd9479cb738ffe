"""Studies on demand: inner products are taken once for all maps, and refusals are answers."""

from types import SimpleNamespace

import pytest

from studio.geometry.conflict_report import report
from studio.merge import open_merge
from studio.session import geometry_studies
from studio.session.geometry_studies import GeometryStudies
from tests.session.test_geometry import soon


@pytest.fixture
def studies():
    made = GeometryStudies(SimpleNamespace(merge=open_merge))  # type: ignore[arg-type]
    yield made
    made.stop()


def test_maps_of_two_kinds_share_their_inner_products(studies, make_recipe, monkeypatch):
    taken = []
    original = geometry_studies.joint_gram

    def counted(merge):
        taken.append(merge)
        return original(merge)

    monkeypatch.setattr(geometry_studies, "joint_gram", counted)
    recipe = make_recipe(method="average")
    kinds = ("mds", "tsne")
    found = [soon(lambda kind=kind: studies.map("page", recipe, kind, False)) for kind in kinds]
    assert [each.made.kind for each in found] == list(kinds)
    assert len(taken) == 1


def test_the_report_is_of_raw_deltas_whatever_their_method(studies, make_recipe):
    found = soon(lambda: studies.report("page", make_recipe(method="ties"))).made
    expected = report(open_merge(make_recipe(method="average")).deltas)
    assert {n: r.plain() for n, r in found.items()} == {n: r.plain() for n, r in expected.items()}
