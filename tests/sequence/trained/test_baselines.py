"""What each baseline adds to a step, against the same taken apart."""

import json

import pytest
import torch

from studio.errors import BadData
from studio.measure.bench import Bench
from studio.measure.supervision import asked, drawn
from studio.sequence.trained.baselines import (
    BASELINES,
    Baseline,
    Consolidation,
    Distillation,
    Projection,
    Replay,
    gradient_of,
    row_weights,
    split_like,
)
from studio.sequence.trained.course import open_course
from studio.sequence.trained.formulas import agem_projection, distillation
from studio.zoo import load_zoo
from tests import adapted
from tests.conftest import refusal
from tests.sequence.trained.conftest import SHORT

TASKS = tuple(adapted.TASKS)


@pytest.fixture
def course(bench):
    """Opened, with a model that is no longer the base's."""
    made = open_course(bench, TASKS, SHORT)
    made.learner.reset(0)
    with torch.no_grad():
        for each in made.learner.values:
            each.add_(0.05)
    with made.learner.training():
        yield made


def flat(course) -> torch.Tensor:
    return torch.cat([each.grad.flatten() for each in course.learner.values])


def nudge(course) -> None:
    with torch.no_grad():
        for each in course.learner.values:
            each.add_(0.02)


def test_plain_fine_tuning_adds_nothing_and_keeps_nothing(course):
    plain = Baseline(course)
    plain.begins("color")
    plain.ends("color")
    assert (plain.more(1), plain.kept) == ([], 0)
    assert list(BASELINES) == ["sequential", "ewc", "lwf", "agem", "replay"]


def test_ewc_takes_squares_of_single_rows_gradients_and_pulls_towards_where_the_task_ended(course):
    ewc = Consolidation(course)
    ewc.ends("color")
    rows = [("color", row) for row in course.rows["color"].rows[:4].tolist()]
    squares = torch.stack([gradient_of(course, [row]).square() for row in rows]).mean(0)
    nudge(course)
    ewc.turns(1)
    assert torch.allclose(flat(course), SHORT.ewc * squares * 0.02, rtol=1e-3, atol=1e-5)
    assert ewc.kept == 2 * 4 * course.learner.numbers
    ewc.ends("animal")
    assert ewc.kept == 4 * 4 * course.learner.numbers


def test_lwf_asks_old_heads_about_the_newcomers_rows_as_the_model_was(course):
    lwf = Distillation(course)
    lwf.begins("color")
    rows = drawn({"tint": course.rows["tint"]}, SHORT.batch, 2, SHORT.seed)
    assert lwf.besides(rows, *asked(course.learner.live, course.rows, rows)) is None
    course.arrived.extend(["color", "animal"])
    lwf.begins("tint")

    def answers():
        batch, output = asked(course.learner.live, course.rows, rows)
        kind, places = bench_kind(course), torch.arange(6)
        heads = [course.rows[old] for old in ("color", "animal")]
        scores = [kind.scores(x.part.task.spec, x.head, output, batch, places) for x in heads]
        return lwf.besides(rows, batch, output), scores

    _, before = answers()
    nudge(course)
    found, now = answers()
    pairs = zip(now, before, strict=True)
    told = torch.stack([distillation(new, old, 2.0).mean() for new, old in pairs]).mean()
    assert found is not None
    assert found.item() == pytest.approx(told.item(), rel=1e-5)


def bench_kind(course):
    return course.rows["tint"].part.task.kind


def test_replay_draws_seeded_rows_of_all_earlier_tasks(course):
    replay = Replay(course)
    assert replay.more(1) == []
    replay.ends("color")
    replay.ends("animal")
    course.arrived.extend(["color", "animal"])
    recalled = [replay.more(number) for number in range(1, 40)]
    assert all(len(rows) == len({*rows}) == 6 for rows in recalled)
    first = {(n, row) for n in ("color", "animal") for row in course.rows[n].rows[:6].tolist()}
    assert {row for rows in recalled for row in rows} == first
    assert replay.more(3) == recalled[2]
    texts = [task.rows("train")[row] for name, row in first
             for task in [course.rows[name].part.task]]  # fmt: skip
    kind = bench_kind(course)
    size = sum(len(json.dumps([kind.plain(row), row.answers])) for row in texts)
    assert replay.kept == size


def test_agem_turns_the_steps_gradient_by_that_of_the_memory(course):
    agem = Projection(course)
    values = course.learner.values
    agem.ends("color")
    course.arrived.append("color")
    assert agem.more(1) == []
    reference = gradient_of(course, agem.recalled(1))
    against = -reference + 0.1 * torch.ones_like(reference)
    for own in (against, reference):
        for each, part in zip(values, split_like(own, values), strict=True):
            each.grad = part.clone()
        agem.turns(1)
        assert torch.allclose(flat(course), agem_projection(own, reference), atol=1e-6)
    assert torch.dot(agem_projection(against, reference), reference).abs() < 1e-4


def test_rows_weigh_alike_whoever_they_are_of():
    rows = [("a", 1), ("b", 5), ("a", 2), ("a", 3)]
    assert row_weights(rows) == {"a": 0.75, "b": 0.25}


def test_lwf_refuses_tasks_whose_heads_cannot_answer_each_other(bench, course, monkeypatch):
    kind = type(bench_kind(course))
    asked_by = iter(["", "x", "y"])
    monkeypatch.setattr(kind, "together", lambda self, spec: next(asked_by))
    with pytest.raises(BadData) as error:
        Distillation(course)
    assert "'color' and 'animal' are asked in different ways" in refusal(error)


def test_lwf_refuses_tasks_without_fixed_labels(course, monkeypatch):
    object.__setattr__(course.rows["animal"].part.task, "labels", ())
    with pytest.raises(BadData) as error:
        Distillation(course)
    assert "'animal' (text-classification) has no head that gives one answer" in refusal(error)


def test_a_whole_model_is_trained_by_the_same_gradients(tiny_zoo):
    course = open_course(Bench(load_zoo(tiny_zoo), torch.device("cpu")), ("color",), SHORT)
    with course.learner.training():
        rows = [("color", row) for row in course.rows["color"].rows[:3].tolist()]
        whole = gradient_of(course, rows)
        alone = torch.stack([gradient_of(course, [row]) for row in rows]).mean(0)
    assert torch.allclose(whole, alone, atol=1e-5)
    assert whole.abs().max() > 1e-3
