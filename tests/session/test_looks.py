"""Pictures in Results: four models' likeliest labels, each looked at once."""

from collections import Counter

import pytest
import torch
import yaml

from studio.session.engine import Engine
from studio.session.live_steps import LiveSteps
from tests.session.test_session import move, rest
from tests.tasks.kinds import classifiers, pictures


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    model = pictures.built(folder, "ViT")
    pictures.write_rows(folder, model)
    task = {
        "name": "shapes", "checkpoint": "expert", "type": "image-classification",
        "image_size": pictures.SIDE, "data": {"held_out": "rows.npz"},
    }  # fmt: skip
    zoo = {"name": "Pictures", "base": "base", "tasks": [task]}
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    return folder, model


@pytest.fixture
def session(zoo, tmp_path):
    made = Engine(zoo[0], (zoo[0], tmp_path), torch.device("cpu"))
    made.start()
    yield made.session("")
    made.close()


@pytest.fixture
def seen(monkeypatch) -> Counter:
    """How many pictures each model has looked at."""
    counted: Counter = Counter()
    really = LiveSteps.look

    def look(self, recipe, rows):
        counted[recipe.digest] += len(rows)
        really(self, recipe, rows)

    monkeypatch.setattr(LiveSteps, "look", look)
    return counted


def looks(session):
    rest(session)
    rows = session.examples.rows()[0]
    session.examples.looks(rows)
    rest(session)
    return rows, session.examples.looks(rows)


def test_labels_and_shares_are_those_of_transformers(zoo, session):
    rows, found = looks(session)
    wanted = pictures.logits(zoo[1]).softmax(-1)
    bench = classifiers.bench(zoo[0])
    labels = bench.tasks["shapes"].labels
    assert len(rows) == len(found) == 12
    for row in rows:
        base, expert, before, now = found[row.at]
        shares = dict(zip(labels, wanted[row.place].tolist(), strict=True))
        assert [each.label for each in expert] == sorted(labels, key=lambda x: -shares[x])
        assert [each.probability for each in expert] == pytest.approx(
            sorted(shares.values(), reverse=True), abs=1e-4
        )
        assert before == now
        assert now[0].label == row.now
        assert base != expert
        assert row.picture.startswith(b"RIFF")


def test_after_a_move_only_the_mix_looks_again(session, seen):
    _, first = looks(session)
    assert set(seen.values()) == {12}
    known = dict(seen)
    move(session, shapes={"coefficient": 0.3})
    rows, second = looks(session)
    assert {name: seen[name] for name in seen if seen[name] != known.get(name)} == {
        session.context.recipe().digest: 12
    }
    for row in rows:
        assert second[row.at][:2] == first[row.at][:2]
        assert second[row.at][2] == first[row.at][3]
        assert second[row.at][3] != first[row.at][3]


def test_rows_in_words_are_not_looked_at(tiny_zoo, tmp_path, seen):
    made = Engine(tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"))
    made.start()
    rows, found = looks(made.session(""))
    made.close()
    assert (len(rows), found, dict(seen)) == (12, {}, {})
