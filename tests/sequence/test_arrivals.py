"""Tasks that come and go: the bits of a state that never had them, in any order."""

from itertools import permutations

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadRecipe, BadState, NotFinite
from studio.sequence.arrivals import come, leave, leave_by_receipt, task_of
from studio.sequence.receipt import open_receipt
from studio.sequence.sums import open_sums
from studio.sequence.sums_export import merged_pieces
from studio.sequence.terms import Terms
from tests.merged import merged_tensors
from tests.sequence.sums import (
    METHODS,
    METRIC,
    NAMES,
    batch,
    begun,
    four_tasks,
    grown,
    inputs_of,
    terms_of,
    weight_of,
)


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_the_model_is_that_of_the_recipe_up_to_rounding(zoo_folder, method, options):
    folder = four_tasks(zoo_folder)
    state = grown(begun(folder, method, options), folder, *NAMES)
    base = open_checkpoint(folder / "base")
    expected = merged_tensors(batch(folder, NAMES, method, options))
    for name, tensor in expected.items():
        found = torch.cat(list(merged_pieces(state, base, name))).view(tensor.shape).double()
        torch.testing.assert_close(found, tensor, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_in_any_order_of_arrival_and_leaving_the_file_is_the_same_bytes(
    zoo_folder, method, options
):
    folder = four_tasks(zoo_folder)
    expected = grown(
        begun(folder, method, options), folder, "red", "blue", "gold"
    ).path.read_bytes()
    orders = list(permutations(NAMES)) if method == "regmean" else [NAMES, NAMES[::-1]]
    for number, order in enumerate(orders):
        state = grown(begun(folder, method, options, f"o{number}"), folder, *order)
        state = leave(state, terms_of(state, folder, "green", weight_of("green")))
        assert state.path.read_bytes() == expected, order


def test_a_task_may_leave_before_others_come_and_come_again(zoo_folder):
    folder = four_tasks(zoo_folder)
    expected = grown(begun(folder, "mdm_oc", METRIC), folder, *NAMES).path.read_bytes()
    state = grown(begun(folder, "mdm_oc", METRIC, "t"), folder, "green", "red")
    state = leave(state, terms_of(state, folder, "green", weight_of("green")))
    state = grown(state, folder, "gold", "green", "blue")
    assert state.path.read_bytes() == expected


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_receipts_let_all_leave_without_a_checkpoint_and_nothing_is_left(
    zoo_folder, method, options
):
    folder = four_tasks(zoo_folder)
    state = begun(folder, method, options)
    empty = state.path.read_bytes()
    state = grown(state, folder, *NAMES, receipts=True)
    for name in ("blue", "red", "gold", "green"):
        state = leave_by_receipt(state, open_receipt(folder / f"{name}.receipt"))
    assert state.path.read_bytes() == empty


def test_other_threads_make_the_same_terms(zoo_folder):
    folder, found = four_tasks(zoo_folder), []
    before = torch.get_num_threads()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        state = grown(begun(folder, "wudi", {}, f"t{threads}"), folder, "red", "blue")
        found.append(state.path.read_bytes())
    torch.set_num_threads(before)
    assert found[0] == found[1]


def test_what_cannot_come_is_refused_and_the_state_stays(zoo_folder):
    folder = four_tasks(zoo_folder)
    state = grown(begun(folder, "regmean", {}), folder, "red")
    before, base = state.path.read_bytes(), open_checkpoint(folder / "base")
    red, green = (open_checkpoint(folder / name) for name in ("red", "green"))
    inputs = inputs_of(folder, "green")
    for make, error, words in [
        (lambda: come(state, terms_of(state, folder, "red")), BadState, "'red' is in .* already"),
        (lambda: come(state, Terms.of(state, base, ("red", green), 1.0, inputs)), BadState,
         "has a task 'red' already, .*another name"),
        (lambda: Terms.of(state, base, ("green", green), 0.0, inputs), BadRecipe,
         "'green' has the coefficient 0"),
        (lambda: Terms.of(state, base, ("green", green), -1.0, inputs), BadRecipe,
         "none may be below 0; 'green' has -1"),
        (lambda: Terms.of(state, base, ("green", green), 1.0, None), BadState,
         "RegMean needs what enters the layers of 'green' .*Give a zoo"),
        (lambda: Terms.of(state, base, ("zero", base), 1.0, inputs), BadState, "equal to the base"),
        (lambda: Terms.of(state, red, ("green", green), 1.0, inputs), BadState,
         r"on the base \w{12}…, but .*red has the digest \w{12}…"),
        (lambda: Terms.of(state, base, ("a/b", green), 1.0, inputs), BadState, "no task name"),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            make()
    assert state.path.read_bytes() == before
    assert not list(folder.glob(".*"))


def test_statistics_that_do_not_fit_or_are_not_finite_are_refused(zoo_folder):
    from safetensors.torch import save_file

    folder = four_tasks(zoo_folder)
    state, key = begun(folder, "regmean", {}), "layer.0.dense.weight"
    for gram, error, words in [
        (torch.eye(3), BadState, r"layer.0.dense.weight, \(1, 3, 3\), does not fit the base"),
        (torch.full((4, 4), float("nan")), NotFinite, "16 of 16 measured products are NaN"),
        (
            torch.eye(4) * 1e12,
            BadState,
            r"would reach 2.579e\+11, .*2\^-41 end at 4.194e\+06.*by 18 powers",
        ),
    ]:
        save_file({key: gram}, folder / "green-inputs.safetensors")
        with pytest.raises(error, match=words):
            come(state, terms_of(state, folder, "green"))
    assert open_sums(state.path).tasks == ()
    coarse = begun(folder, "regmean", {}, "coarse", coarser=18)
    assert [task.name for task in come(coarse, terms_of(coarse, folder, "green")).tasks] == [
        "green"
    ]


def test_who_is_not_in_it_or_left_already_cannot_leave(zoo_folder):
    folder = four_tasks(zoo_folder)
    state = grown(begun(folder, "average", {}), folder, "red", "green", receipts=True)
    receipt = open_receipt(folder / "red.receipt")
    with pytest.raises(BadState, match="'gold' is not in .*, which holds 'green', 'red'"):
        leave(state, terms_of(state, folder, "gold"))
    with pytest.raises(
        BadState, match=r"gold \(\w{12}…\) is not in .* holds 'green' \w{12}…, 'red'"
    ):
        task_of(state, open_checkpoint(folder / "gold"))
    state = leave_by_receipt(state, receipt)
    before = state.path.read_bytes()
    with pytest.raises(BadState, match="'red' is not in .*, which holds 'green'"):
        leave_by_receipt(state, receipt)
    assert state.path.read_bytes() == before


def test_other_terms_than_those_that_were_added_are_not_subtracted(zoo_folder):
    folder = four_tasks(zoo_folder)
    state = grown(begun(folder, "regmean", {}), folder, "red", "green")
    before = state.path.read_bytes()
    with pytest.raises(
        BadState, match="'red' added terms .*the checkpoint or coefficient is another"
    ):
        leave(state, terms_of(state, folder, "red", 0.75))
    base, red = (open_checkpoint(folder / name) for name in ("base", "red"))
    others = Terms.of(state, base, ("red", red), weight_of("red"), inputs_of(folder, "gold"))
    with pytest.raises(BadState, match="statistics are not those that it came with. Give its rec"):
        leave(state, others)
    assert state.path.read_bytes() == before


def test_a_stop_or_a_change_meanwhile_leaves_the_state_and_no_receipt(zoo_folder):
    folder = four_tasks(zoo_folder)
    state = grown(begun(folder, "regmean", {}), folder, "red")
    before, receipt = state.path.read_bytes(), folder / "green.receipt"
    for limit in (0.1, 0.65, 0.9):

        def stop(share: float, words: str, limit: float = limit) -> None:
            if share >= limit:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            come(state, terms_of(state, folder, "green"), receipt, stop)
        assert state.path.read_bytes() == before
        assert not receipt.exists()
    later = grown(state, folder, "green")
    with pytest.raises(BadState, match="changed meanwhile"):
        grown(state, folder, "gold")
    assert later.path.read_bytes() == open_sums(later.path).path.read_bytes() != before
