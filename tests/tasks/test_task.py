from studio.checkpoints.checkpoint import open_checkpoint
from studio.tasks.task import is_labelled, open_task
from studio.zoo import load_zoo


def opened(zoo, number, private):
    spec = load_zoo(zoo).tasks[number]
    return open_task(spec, private, open_checkpoint(load_zoo(zoo).base))


def test_rows_are_read_when_they_are_asked_for_and_know_their_labels(tiny_zoo):
    task = opened(tiny_zoo, 1, {})
    assert (len(task.rows("held_out")), task.rows("train")) == (50, ())
    assert task.labelled("held_out")
    assert not task.labelled("train")
    assert all(is_labelled(row) for row in task.rows("validation"))


def test_a_task_whose_checkpoint_is_replaced_keeps_no_head_of_the_one_before(tiny_zoo):
    task = opened(tiny_zoo, 1, {})
    base = open_checkpoint(tiny_zoo / "base")
    bare = task.succeeded(str(tiny_zoo / "base"), {}, base)
    assert (bare.head, bare.labels, bare.spec.checkpoint) == (None, task.labels, str(base.folder))
    again = task.succeeded(str(tiny_zoo / "animal"), {}, base)  # a head file lies beside it
    assert again.head is not None
    assert task.head is not None
    assert again.head.tensors["weight"].equal(task.head.tensors["weight"])
    assert again.head_only is None
