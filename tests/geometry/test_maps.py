"""Maps against the vectors themselves; their figures against cases worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from studio.errors import StudioError
from studio.geometry.gram import Gram
from studio.geometry.maps import (
    Directions,
    directions,
    draw_beside,
    draw_map,
    joint,
    mds_map,
    pca_map,
    tsne_map,
)
from studio.geometry.orthogonal import identity, orthogonalize
from studio.geometry.quality import Structure, quality, same_neighbors

SIZES = (7, 5, 9)


def vectors(n: int = 3) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal((n, size)) + 1 for size in SIZES]


def gram_of(parts: list[np.ndarray]) -> Gram:
    blocks = torch.stack([torch.from_numpy(x @ x.T) for x in parts])
    return Gram(
        tuple("abcdefgh"[: len(parts[0])]), ("l.0.a", "l.0.b", "l.1.a")[: len(parts)], blocks
    )


def both(parts: list[np.ndarray]) -> Gram:
    gram = gram_of(parts)
    return joint(gram, orthogonalize(gram, "model", "arrival", False))


def test_pca_from_inner_products_is_pca_of_the_vectors():
    parts = vectors()
    rows = orthogonalize(gram_of(parts), "model", "arrival", False).rows[0].numpy()
    points = np.zeros((2, len(SIZES), 3, sum(SIZES)))  # before | after, tensor, task
    for t, part in enumerate(parts):
        start = sum(SIZES[:t])
        points[0, t, :, start : start + SIZES[t]] = part
        points[1, t, :, start : start + SIZES[t]] = rows @ part
    points = points.reshape(-1, sum(SIZES))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    expected = PCA(2, svd_solver="full").fit(points)
    plane = expected.transform(points)
    found = pca_map(directions(both(parts)))
    mine = np.concatenate([found.before, found.after])
    signs = np.sign((mine * plane).sum(0))
    assert mine * signs == pytest.approx(plane, abs=1e-9)
    assert f"hold {expected.explained_variance_ratio_.sum():.0%} of the variance" in found.note
    assert found.tasks == ("a", "b", "c") * 3
    assert found.places == tuple(p for p in ("l.0.a", "l.0.b", "l.1.a") for _ in "abc")


def test_maps_of_directions_say_when_points_are_too_few_and_mds_does_not():
    few = both([x[:1] for x in vectors()])
    for kind in ("tsne", "pca"):
        with pytest.raises(StudioError, match="so few"):
            draw_map(kind, few, 0)
    assert draw_map("mds", few, 0).before.shape == (1, 2)


def test_a_task_that_leaves_a_tensor_alone_has_no_point_there():
    parts = vectors()
    parts[1][2] = 0
    found = tsne_map(directions(both(parts)), 0)
    assert len(found.tasks) == 8
    assert ("c", "l.0.b") not in set(zip(found.tasks, found.places, strict=True))


def test_a_map_that_keeps_every_neighbor_is_trusted_and_a_shuffled_one_is_not():
    line = np.array([[x, 0.0] for x in (0, 1, 2.1, 3.3, 4.6, 6, 7.5, 9.1, 10.8, 12.6, 14.5, 16.5)])
    distances = np.abs(line[:, None, 0] - line[None, :, 0])
    tasks = ("a",) * 3 + ("b",) * 3
    assert quality(distances, line, tasks * 2).trustworthiness == 1.0
    mixed = line[[0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]]
    assert (quality(distances, mixed, tasks * 2).trustworthiness or 1) < 0.8


def test_trustworthiness_is_one_minus_the_ranks_of_intruders_by_hand():
    # One point leaves its place, 0, for the other end, so that strangers come near it.
    line = np.arange(6.0)
    distances = np.abs(line[:, None] - line)
    moved = np.stack([[9.0, 1, 2, 3, 4, 5], np.zeros(6)], 1)
    k, cost = 2, 0
    plane = np.abs(moved[:, None, 0] - moved[None, :, 0])
    for i in range(6):
        rank = np.argsort(np.argsort(distances[i], kind="stable"), kind="stable")  # itself 0
        near = np.argsort(plane[i], kind="stable")[1 : k + 1]
        cost += sum(max(int(rank[j]) - k, 0) for j in near)
    expected = 1 - cost * 2 / (6 * k * (2 * 6 - 3 * k - 1))
    found = quality(distances, moved, ("a", "b", "c") * 2)
    assert (found.neighbors, found.trustworthiness) == (2, pytest.approx(expected))


def test_silhouettes_of_two_pairs_by_hand_before_and_after():
    before, after = [0.0, 1.0, 10.0, 11.0], [0.0, 10.0, 1.0, 11.0]  # after: tasks interleave
    line = np.array(before + after)
    distances = np.abs(line[:, None] - line)
    found = quality(distances, np.stack([line, 0 * line], 1), ("a", "a", "b", "b") * 2)
    assert found.apart is not None
    one, other = 1 - 1 / 10.5, 1 - 1 / 9.5  # own gap 1, mean gaps to the other pair
    assert found.apart[0] == pytest.approx((one + other) / 2)
    assert found.apart[1] < 0
    assert found.apart_in_plane == pytest.approx(found.apart)


def test_what_is_not_defined_has_no_figure():
    gram = gram_of(vectors(2))
    found = mds_map(joint(gram, identity(2))).quality  # two tasks: four points, one each
    assert (found.trustworthiness, found.apart, found.apart_in_plane) == (None, None, None)


def test_a_point_that_nothing_has_moved_is_the_same_point_before_and_after():
    gram = gram_of(vectors())
    found = tsne_map(directions(joint(gram, identity(3))), 0)
    assert found.before.tolist() == found.after.tolist()
    moved = tsne_map(directions(both(vectors())), 0)
    first = [i for i, task in enumerate(moved.tasks) if task == "a"]  # comes first, keeps all
    assert moved.before[first].tolist() == moved.after[first].tolist()
    assert moved.before.tolist() != moved.after.tolist()


def test_one_task_stands_in_one_place_before_and_after():
    generator = np.random.default_rng(3)
    one = gram_of([generator.standard_normal((1, size)) * 1e3 for size in SIZES])
    nearly = torch.full((1, 1, 1), 1 + 1e-9, dtype=torch.float64)
    rounded = joint(one, replace(identity(1), rows=nearly))
    found = mds_map(rounded)
    assert found.before.tolist() == found.after.tolist()


def test_neighbors_of_ones_own_task_by_hand():
    line = np.stack([np.array([0, 1, 2, 10, 11, 12.0]), np.zeros(6)], 1)
    # five nearest of six points are all the others: two of five are of one's own
    assert same_neighbors(line, ("a",) * 3 + ("b",) * 3) == pytest.approx(2 / 5)
    far = np.concatenate([line, line + 100, line + 200, line + 300])
    assert same_neighbors(far, ("a",) * 6 + ("b",) * 6 + ("c",) * 6 + ("d",) * 6) == 1.0


def test_structure_is_what_random_directions_do_not_have():
    assert Structure(0.5, 0.45, 0.3).found
    assert Structure(0.5, 0.45, 0.3).alike
    assert not Structure(0.39, 0.2, 0.3).found
    assert not Structure(0.39, 0.2, 0.3).alike


def test_tasks_that_keep_their_own_directions_have_structure_and_random_ones_have_none():
    tasks = tuple("abc") * 6
    own = np.array([[float(x == y) * 0.6 + 0.01 for y in tasks] for x in tasks])
    np.fill_diagonal(own, 1.0)
    spread = np.full((18, 18), 0.01)
    np.fill_diagonal(spread, 1.0)
    places = tuple(f"m{i // 3}" for i in range(18))

    def twice(cosines: np.ndarray) -> Directions:
        doubled = np.tile(cosines, (2, 2))
        return Directions("matrix", tasks * 2, places * 2, doubled)

    control = twice(spread)
    found = draw_beside("pca", twice(own), control, 0).structure
    assert found is not None
    assert found.found
    assert found.alike
    itself = draw_beside("pca", control, control, 0).structure
    assert itself is not None
    assert not itself.found


@pytest.mark.parametrize("kind", ["tsne", "pca"])
def test_where_nothing_is_taken_out_of_one_task_its_map_before_is_its_map_after(kind):
    generator = np.random.default_rng(3)
    parts = [generator.standard_normal((1, 9)) for _ in range(12)]
    names = tuple(f"l.{k}" for k in range(12))
    gram = Gram(("a",), names, torch.stack([torch.from_numpy(x @ x.T) for x in parts]))
    found = draw_map(kind, joint(gram, orthogonalize(gram, "model", "arrival", False)), 0)
    assert found.before == pytest.approx(found.after, abs=1e-9)
