"""A run on the tiny zoo: every number once more by hand, each model scored once."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import BadData, BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.sequence.measures import tracks
from studio.sequence.orders import Order, shuffled
from studio.sequence.plan import carried, make_plan, prefix
from studio.sequence.report import plain
from studio.sequence.run import run
from studio.sequence.sweep import parse_sweep
from studio.zoo import load_zoo
from tests.conftest import refusal
from tests.merged import merged_tensors
from tests.scored import score, score_experts, score_head_only

NAMES = ("color", "animal")


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Nothing is known from another test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def recipes(bench, *names):
    return {name: bench.zoo.recipe(name) for name in names}


def both(bench, *names):
    return make_plan(bench, recipes(bench, *names), (Order(NAMES),))


def evaluated(monkeypatch) -> list[int]:
    """Counts evaluations from here on."""
    counted, before = [], Evaluation.run

    def counting(self, model):
        counted.append(len(self.parts))
        yield from before(self, model)

    monkeypatch.setattr(Evaluation, "run", counting)
    return counted


@pytest.mark.usefixtures("fresh")
def test_each_step_has_the_scores_of_the_merge_of_what_has_arrived(bench):
    plan = make_plan(bench, recipes(bench, "mdm_oc", "iso_c"), shuffled(NAMES, 2))
    found, steps = run(bench, plan)
    made = list(steps)
    assert [(s.label, s.order, s.t) for s in made] == [
        (label, order, t) for order in (0, 1) for label in ("mdm_oc", "iso_c") for t in (1, 2)
    ]
    for step in made:
        own = prefix(plan.recipes[step.label], plan.orders[step.order], step.t)
        assert step.recipe == own
        assert step.scores == score(bench, bench.merge(own))
    assert found.base == score(bench, None)
    assert found.experts == score_experts(bench)
    assert found.head_only == score_head_only(bench)


@pytest.mark.usefixtures("fresh")
def test_a_model_that_several_methods_and_orders_share_is_scored_once(bench, monkeypatch):
    counted = evaluated(monkeypatch)
    plan = make_plan(bench, recipes(bench, "mdm_oc", "average"), shuffled(NAMES, 2))
    _, steps = run(bench, plan)
    first = list(steps)
    # base, two experts; two first arrivals shared by both methods, average of both,
    # and mdm_oc's two orders
    assert len(counted) == 3 + 2 + 1 + 2
    assert plan.models == 4 + 3  # what methods share shows only once they are merged
    assert plan.row_evaluations == (7 + 2) * 100
    counted.clear()
    _, steps = run(bench, plan)
    assert [step.scores for step in steps] == [step.scores for step in first]
    assert counted == []


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("changed", ["an expert's weights", "the tokenizer"])
def test_what_was_measured_of_other_files_is_not_recalled(tiny_copy, monkeypatch, changed):
    def models():
        opened = Bench(load_zoo(tiny_copy), torch.device("cpu"))
        counted.clear()
        found, steps = run(opened, both(opened, "average"))
        list(steps)
        return found, len(counted)

    counted = evaluated(monkeypatch)
    first, measured = models()
    assert measured == 5  # base, two experts, two arrivals
    assert models() == (first, 0)
    if changed == "the tokenizer":
        file = tiny_copy / "base" / "tokenizer_config.json"
        file.write_text(file.read_text() + "\n")
        assert models()[1] == measured
        return
    file = tiny_copy / "animal" / "adapter_model.safetensors"
    weights = load_file(file)
    save_file({key: 3 * value for key, value in weights.items()}, file)
    again, _ = models()
    expected = score_experts(Bench(load_zoo(tiny_copy), torch.device("cpu")))
    assert again.experts == expected != first.experts


@pytest.mark.usefixtures("fresh")
def test_fewer_rows_are_the_same_fair_sample_each_time(bench):
    plan = make_plan(bench, recipes(bench, "average"), (Order(NAMES),), 20)
    assert plan.counts == dict.fromkeys(NAMES, 20)
    _, steps = run(bench, plan)
    last = list(steps)[-1]
    assert [score.n for score in last.scores.values()] == [20, 20]
    bench.live.wear(bench.merge(bench.zoo.recipe("average")))
    whole = bench.evaluation(bench.heads(NAMES), "held_out")
    for _ in whole.run(bench.live):
        pass
    for name in NAMES:
        chosen = whole.parts[name].order[:20]
        assert last.scores[name].value == whole.correct(name)[chosen].mean()


@pytest.mark.parametrize("name", ["mdm_oc", "average", "ties", "iso_c"])
def test_distances_are_those_of_the_merged_tensors(bench, name):
    _, steps = run(bench, make_plan(bench, recipes(bench, name), (Order(NAMES),), 2))
    for step in steps:
        merge = bench.merge(step.recipe)
        changes = (
            value.double() - bench.base.tensor(key).double()
            for key, value in merged_tensors(merge).items()
        )
        expected = sum(float(change.square().sum()) for change in changes) ** 0.5
        assert step.shape is not None
        assert step.shape.distance == pytest.approx(expected, rel=1e-5)


IN_ACTIVATIONS = {"basis": "activation", "order": "arrival"}


@pytest.mark.parametrize("options", [{}, {"basis": "subspace"}, IN_ACTIVATIONS])
def test_what_is_taken_out_of_the_newcomer_is_its_share_along_the_others(bench, options):
    recipe = replace(bench.zoo.recipe("mdm_oc"), options=options)
    _, steps = run(bench, make_plan(bench, {"mdm_oc": recipe}, (Order(NAMES),), 2))
    first, second = (step.shape.projected for step in steps if step.shape)
    assert first == pytest.approx(0.0, abs=1e-6)
    if not options:
        expected = float(bench.gram.cosine()[0, 1]) ** 2
        assert second == pytest.approx(expected, abs=1e-9)
        assert expected > 0
    else:
        assert second == pytest.approx(0.5, abs=0.4)
    _, steps = run(bench, both(bench, "average"))
    assert [step.shape.projected for step in steps if step.shape] == [None, None]


def test_a_method_that_refuses_ends_with_its_sentence_and_the_others_go_on(bench, monkeypatch):
    from studio.methods.iso_c import IsoC

    def refuse(self, entries, given):
        if len(entries) > 1:
            raise BadRecipe("Iso-C takes one task only.")
        return entries.sum()

    monkeypatch.setattr(IsoC, "change", refuse)
    plan = make_plan(bench, recipes(bench, "iso_c", "ties"), (Order(NAMES),), 7)
    found, steps = run(bench, plan)
    made = list(steps)
    assert [(s.label, s.t, s.refusal) for s in made] == [
        ("iso_c", 1, ""), ("iso_c", 2, "Iso-C takes one task only."),
        ("ties", 1, ""), ("ties", 2, ""),
    ]  # fmt: skip
    result = plain(plan, found, tracks(plan, found, made))
    assert result["methods"]["iso_c"]["refusals"] == ["Iso-C takes one task only."]
    assert result["methods"]["iso_c"]["mean"]["acc"][1] is None
    assert result["methods"]["ties"]["refusals"] == []


def test_a_run_can_be_stopped_between_batches(bench):
    def stop(share, words):
        if share > 0.5:
            raise Cancelled("stop")

    _, steps = run(bench, both(bench, "average", "ties"), stop)
    with pytest.raises(Cancelled):
        list(steps)


def test_progress_never_goes_back_and_ends_whole(bench):
    shares = []
    _, steps = run(bench, both(bench, "average", "ties"), lambda share, words: shares.append(share))
    list(steps)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.usefixtures("fresh")
def test_a_sweep_of_mdm_ocs_strength_ends_at_the_sum_and_at_the_orthogonal_merge(bench):
    sweep = parse_sweep("mdm_oc.strength=0:1:0.5")
    plan = make_plan(bench, sweep.recipes(bench.zoo.recipe), (Order(NAMES),))
    found, steps = run(bench, plan)
    result = plain(plan, found, tracks(plan, found, list(steps)), sweep)
    values = result["sweep"]["values"]
    assert [value["value"] for value in values] == [0.0, 0.5, 1.0]
    ends = (bench.zoo.recipe("task_arithmetic", 1.0), bench.zoo.recipe("mdm_oc"))
    for value, recipe in zip((values[0], values[-1]), ends, strict=True):
        own = score(bench, bench.merge(recipe))
        assert value["acc"] == pytest.approx(sum(s.value for s in own.values()) / 2)
        assert (value["acc_sd"], value["orders"]) == (None, 1)


def test_what_must_be_kept_is_said_of_each_method(bench):
    kept = {name: carried(bench.zoo.recipe(name)) for name in ("average", "ties", "mdm_oc")}
    assert kept["average"] == "the merged model and the number of tasks"
    assert kept["ties"] == "every checkpoint: all are merged again at each arrival"
    assert kept["mdm_oc"] == "the merged model and the earlier components"
    arrived = carried(replace(bench.zoo.recipe("mdm_oc"), options=IN_ACTIVATIONS))
    assert arrived == f"{kept['mdm_oc']}, and the sum of the earlier Grams"
    for options in ({"order": "symmetric"}, {"basis": "subspace"}, {"basis": "activation"}):
        assert carried(replace(bench.zoo.recipe("mdm_oc"), options=options)) == kept["ties"]


def test_what_makes_no_sequence_is_refused_in_words(bench, tiny_copy):
    order = (Order(NAMES),)
    with pytest.raises(BadRecipe) as error:
        make_plan(bench, {}, order)
    assert refusal(error).startswith("Name at least one method of mdm_oc,")
    with pytest.raises(BadRecipe) as error:
        make_plan(bench, {"average": bench.zoo.recipe("average").without("color")}, order)
    assert refusal(error) == (
        "A sequence needs at least two tasks that arrive one after another; there is one."
    )
    with pytest.raises(BadRecipe, match="0 rows per task"):
        make_plan(bench, recipes(bench, "average"), order, 0)
    with pytest.raises(BadRecipe, match="no merge method 'magic'"):
        make_plan(bench, recipes(bench, "magic"), order)
    text = (tiny_copy / "zoo.yaml").read_text()
    (tiny_copy / "zoo.yaml").write_text(text.replace("held_out: animal", "train: animal"))
    mute = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    with pytest.raises(BadData) as error:
        make_plan(mute, recipes(mute, "average"), order)
    assert refusal(error).startswith("'animal': no head or no held-out rows")
