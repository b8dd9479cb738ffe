"""Geometry of a running session: by algebra at once, measured at rest, studies on demand."""

import time
from dataclasses import replace

import pytest
import torch

from studio.inspection import joint_gram, random_joint_gram
from studio.merge import open_merge
from studio.session.geometry import measured_geometry, shape_of, sketched_geometry
from tests.scored import score
from tests.session.test_session import rest

CPU = torch.device("cpu")


def set_option(session, **options):
    value = session.mixer_value()
    session.move(value | {"options": value["options"] | options})


def after_gram(geometry):
    assert geometry.after is not None, "this method has components"
    return geometry.after


def after(geometry):
    return after_gram(geometry).blocks


def soon(ask, seconds=60.0):
    deadline = time.monotonic() + seconds
    while (answer := ask()).pending:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return answer


def test_a_moved_strength_has_its_matrices_before_its_scores_are_complete(session):
    rest(session)
    set_option(session, strength=0.5)
    deadline = time.monotonic() + 60
    while (now := session.snapshot()).geometry is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert now.share < 1.0
    assert now.geometry.residual is None
    merge = open_merge(now.recipe)
    assert torch.allclose(after(now.geometry), after(measured_geometry(merge)), atol=1e-9)
    at_rest = rest(session).geometry
    assert at_rest.residual == measured_geometry(merge).residual
    cosine = now.geometry.before.cosine()[0, 1]
    assert abs(float(after_gram(at_rest).cosine()[0, 1])) < abs(float(cosine))


@pytest.mark.parametrize("scope", ["model", "layer", "tensor"])
@pytest.mark.parametrize("normalize", ["none", "layer"])
def test_algebra_and_measurement_agree_in_every_scope(session, scope, normalize):
    set_option(session, scope=scope, normalize=normalize)
    merge = session.worker.bench.merge(session.snapshot().recipe)
    by_algebra, measured = sketched_geometry(merge), measured_geometry(merge)
    assert torch.allclose(after(by_algebra), after(measured), rtol=1e-6, atol=1e-9)
    assert measured.residual is not None
    assert measured.residual < 1e-6
    assert by_algebra.scope == scope


def test_a_method_that_derives_its_vectors_is_measured_not_sketched(session):
    set_option(session, basis="subspace")
    now = rest(session)
    assert now.geometry.residual is not None


@pytest.mark.parametrize("kind", ["tsne", "pca", "mds"])
def test_a_map_is_drawn_for_the_page_that_looks(session, kind):
    recipe = rest(session).recipe
    studies = session.worker.studies
    found = soon(lambda: studies.map("page", recipe, kind, False)).made
    assert found.kind == kind
    random = soon(lambda: studies.map("page", recipe, kind, True)).made
    assert random.tasks == found.tasks
    assert (random.before != found.before).any()


def test_random_deltas_have_this_zoos_norms_and_the_methods_components(session):
    merge = session.worker.bench.merge(rest(session).recipe)
    real, random = joint_gram(merge), random_joint_gram(merge)
    n = len(merge.deltas)
    own, drawn = (g.blocks.diagonal(dim1=-2, dim2=-1)[:, :n] for g in (real, random))
    assert torch.allclose(own, drawn)
    total = random.total()[n:, n:]  # the components of random deltas are orthogonal, too
    assert abs(float(total[0, 1])) < 1e-9 * float(total.diagonal().max())


def test_no_control_is_shown_where_inner_products_do_not_suffice(session):
    set_option(session, basis="subspace")
    recipe = rest(session).recipe
    answer = soon(lambda: session.worker.studies.map("page", recipe, "mds", True))
    assert "Choose a method of whole deltas" in answer.refusal


def test_the_pass_over_the_deltas_is_that_of_the_command_line(session):
    from studio.geometry.conflict_report import report

    recipe = rest(session).recipe
    found = soon(lambda: session.worker.studies.report("page", recipe)).made
    expected = report(open_merge(recipe).deltas)
    assert {n: r.plain() for n, r in found.items()} == {n: r.plain() for n, r in expected.items()}


def test_components_that_depend_on_coefficients_are_measured_for_each(session):
    zoo = session.zoo
    recipe = replace(zoo.recipe("ties"), options={"reduce": "weighted"})
    other = recipe.with_coefficients({"color": 0.2})
    assert shape_of(recipe) != shape_of(other)
    one, two = (measured_geometry(session.worker.bench.merge(each)) for each in (recipe, other))
    assert not after(one).equal(after(two))
    plain = zoo.recipe("ties")
    assert shape_of(plain) == shape_of(plain.with_coefficients({"color": 0.2}))


def test_a_method_that_needs_data_says_what_it_measures_and_then_has_scores_and_matrices(
    session, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rest(session)
    said = set()
    value = session.mixer_value()
    session.move(value | {"method": "fisher"})
    deadline = time.monotonic() + 120
    while (now := session.snapshot()).busy:
        assert time.monotonic() < deadline
        said.add(now.measuring)
        time.sleep(0.001)
    assert any(each.startswith("measuring every expert on at most 256 of its") for each in said)
    assert now.measuring == ""
    assert now.refusal == ""
    bench = session.worker.bench
    assert now.scores == score(bench, bench.merge(now.recipe))
    assert after(now.geometry).shape[-1] == 2


def test_a_measurement_ends_when_nobody_waits_for_it(session, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rest(session)
    value = session.mixer_value()
    session.move(value | {"method": "fisher"})
    while not session.snapshot().measuring:
        time.sleep(0.001)
    session.edit("undo")
    now = rest(session)
    assert (now.recipe.method, now.measuring) == ("mdm_oc", "")
    assert len(session.worker.bench.unmeasured(session.zoo.recipe("fisher"))) >= 1
