"""Checks of record: a state built again, and held to what the log quotes."""

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadLedger, BadState
from studio.evidence.ledger.log import Ledger
from studio.sequence.arrivals import leave
from studio.sequence.sums import open_sums
from studio.sequence.sums_check import CAME, LEFT, built_again, held_to_log, log_change
from tests.sequence.sums import begun, four_tasks, grown, inputs_of, terms_of, weight_of


@pytest.fixture
def folder(zoo_folder):
    return four_tasks(zoo_folder)


def again(state, folder, *names, inputs=inputs_of):
    base = open_checkpoint(folder / "base")
    kept = {name: open_checkpoint(folder / name) for name in names}
    return built_again(state, base, kept, lambda name, _: inputs(folder, name))


def test_a_state_that_a_task_left_is_found_exact(folder):
    state = grown(begun(folder, "regmean", {}), folder, "red", "green", "gold")
    state = leave(state, terms_of(state, folder, "green", weight_of("green")))
    found = again(state, folder, "red", "gold", "green")
    assert found.exact
    assert "Built again from its 2 tasks, the state has the same bits" in found.words


def test_what_is_hidden_in_the_sums_is_found(folder):
    """A state whose header leaves a task out that is in its sums."""
    from tests.sequence.test_sums import resealed

    state = grown(begun(folder, "average", {}), folder, "red", "green")

    def hide(said) -> None:
        said["tasks"] = [task for task in said["tasks"] if task["name"] == "red"]
        said["counts"] = dict.fromkeys(said["counts"], 1)

    hidden = open_sums(resealed(state, hide))
    found = again(hidden, folder, "red")
    assert found.exact is False
    assert "something else is in them" in found.words


def test_other_statistics_leave_it_open(folder):
    state = grown(begun(folder, "regmean", {}), folder, "red", "green")
    found = again(state, folder, "red", "green", inputs=lambda f, name: inputs_of(f, "gold"))
    assert found.exact is None
    assert "The terms of 'green', 'red' are other ones here" in found.words


def test_all_kept_tasks_are_needed(folder):
    state = grown(begun(folder, "average", {}), folder, "red", "green")
    with pytest.raises(BadState, match="'green' came to .* but its checkpoint is not at hand"):
        again(state, folder, "red")


def test_the_log_quotes_roots_of_the_same_tasks_terms_and_settings(folder):
    ledger, state = Ledger(folder / "ledger"), begun(folder, "average", {})
    empty = state
    assert held_to_log(ledger, state).exact is None
    assert "quotes no state of no task" in held_to_log(ledger, empty).words
    for name in ("red", "green"):
        state = grown(state, folder, name)
        log_change(ledger, state, state.member(name), CAME)
    green = state.member("green")
    assert "only entry on these tasks" in held_to_log(ledger, state).words
    state = leave(state, terms_of(state, folder, "green", weight_of("green")))
    log_change(ledger, state, green, LEFT)
    found = held_to_log(ledger, state)
    assert found.exact
    assert "that 2 entries of the log quote for 'red'" in found.words
    other = grown(begun(folder, "average", {}, "other", coarser=1), folder, "red")
    assert held_to_log(ledger, other).exact is None
    assert ledger.verify(None) == []


def test_a_root_that_the_log_does_not_quote_is_found(folder):
    from tests.sequence.test_sums import resealed

    ledger, state = Ledger(folder / "ledger"), grown(begun(folder, "average", {}), folder, "red")
    log_change(ledger, state, state.member("red"), CAME)
    more, red = grown(state, folder, "green"), state.plain()

    def hide(said) -> None:
        said.update(tasks=red["tasks"], counts=red["counts"])

    found = held_to_log(ledger, open_sums(resealed(more, hide)))
    assert found.exact is False
    assert "something else is in one of them" in found.words


def test_an_entry_that_lacks_something_is_no_entry(folder):
    ledger = Ledger(folder / "ledger")
    with pytest.raises(BadLedger, match="no entry 'state of sums' .*field 'change' is missing"):
        ledger.append("state of sums", {"task": "red"})
